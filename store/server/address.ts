import { isLoopback } from '../../common/ip-address.ts'
import { GatepostError } from '../../common/errors.ts'
import { DATABASE } from '../sql.ts'

export interface ServerAddress {
  /** Without user and password, so it can be used in messages. */
  readonly origin: string
  readonly username: string
  readonly password: string
  readonly isLoopback: boolean
}

/** Parses GATEPOST_CLICKHOUSE_URL. @throws GatepostError CONFIG_INVALID: says what is wrong, without the password */
export function parseAddress(text: string): ServerAddress {
  const url = urlOf(text)
  if (url === null) throw invalid('is not a URL such as http://user:pass@host:8123/gatepost')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid('must begin with http:// or https://')
  const database = url.pathname.replace(/^\/|\/$/g, '')
  if (database !== '' && database !== DATABASE) {
    throw invalid(`names the database ${database}: the tables are in database ${DATABASE}, and no other can be chosen`)
  }
  if (url.search !== '' || url.hash !== '') throw invalid('must end after the database: settings are not taken from it')
  return {
    origin: `${url.protocol}//${url.host}`,
    username: decoded(url.username) || 'default',
    password: decoded(url.password),
    isLoopback: url.hostname === 'localhost' || isLoopback(url.hostname.replace(/^\[|\]$/g, '')),
  }
}

function urlOf(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

/** Decodes the user or the password. new URL() accepts a `%` that does not begin an escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('has a % in its user or password that begins no escape: % itself is written %25')
  }
}

function invalid(what: string): GatepostError {
  return new GatepostError('CONFIG_INVALID', `GATEPOST_CLICKHOUSE_URL ${what}`)
}

import { GatepostError, messageOf } from '../../common/errors.ts'
import { classifyEngineCode } from '../engine-errors.ts'
import { engineCode } from '../sql.ts'
import type { ServerAddress } from './address.ts'

const VARIABLE = 'GATEPOST_CLICKHOUSE_URL'

/**
 * What the user in the URL needs; the second is for input(), as for most table functions. ClickHouse lets users see and kill
 * their own queries without a grant.
 */
function grants(user: string): string {
  const onTables = 'SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE, OPTIMIZE'
  return `GRANT ${onTables} ON gatepost.* TO ${user}; GRANT CREATE TEMPORARY TABLE ON *.* TO ${user}`
}

const WRONG_USER = new Set(['192', '193', '194', '516'])
const NO_RIGHT = '497'
/** A profile that reads only, or that holds settings fast. */
const NO_SETTINGS = new Set(['164', '452'])
const NO_DATABASE = '81'

/** An answer with the engine's own code: it has ended the statement. Anything else leaves open what became of it. */
export function isAnswer(error: unknown): boolean {
  return engineCode(error) !== null
}

/** An error of the client as one of ours, saying which server and what to do. */
export function serverError(error: unknown, address: ServerAddress): GatepostError {
  if (error instanceof GatepostError) return error
  const code = engineCode(error)
  return new GatepostError(classifyEngineCode(code), describe(error, code, address), error)
}

/** At the start: what will not get better by itself is a mistake in the configuration. */
export function startError(error: unknown, address: ServerAddress): GatepostError {
  // A migration that failed says which statement; why is underneath.
  const reason = error instanceof GatepostError && error.cause !== undefined ? error.cause : error
  const code = engineCode(reason)
  if (code === null && !(reason instanceof GatepostError)) return serverError(reason, address)
  if (code === null || !isMistake(code)) return serverError(error, address)
  return new GatepostError('CONFIG_INVALID', describe(reason, code, address), error)
}

function isMistake(code: string): boolean {
  return WRONG_USER.has(code) || NO_SETTINGS.has(code) || code === NO_RIGHT || code === NO_DATABASE
}

/** While running, a lost right or password may come back: rows wait in the log until then. */
export function runningError(error: unknown, address: ServerAddress): GatepostError {
  const code = engineCode(error)
  if (code === null || !isMistake(code)) return serverError(error, address)
  return new GatepostError('STORE_UNAVAILABLE', describe(error, code, address), error)
}

function describe(error: unknown, code: string | null, { origin, username }: ServerAddress): string {
  const server = `ClickHouse server ${origin}`
  if (code === null) return `${server} cannot be reached or did not answer: ${messageOf(error)}. ${VARIABLE} names it`
  const text = `${code}: ${messageOf(error)}`
  if (WRONG_USER.has(code))
    return `${server} refuses user ${username}: check user and password in ${VARIABLE} (${text})`
  if (code === NO_RIGHT) {
    return `user ${username} of ${server}, named by ${VARIABLE}, lacks a right: ${grants(username)} (${text})`
  }
  if (NO_SETTINGS.has(code)) {
    const profile = 'may only read, or may not change settings: its profile must have neither readonly nor constraints'
    return `user ${username} of ${server}, named by ${VARIABLE}, ${profile}; and it needs ${grants(username)} (${text})`
  }
  if (code === NO_DATABASE) return `${server} has no database gatepost: CREATE DATABASE gatepost (${text})`
  return `${server}: ${text}`
}

import { GatepostError, messageOf } from '../../common/errors.ts'
import { classifyEngineCode } from '../engine-errors.ts'
import { engineCode } from '../sql.ts'
import type { ServerAddress } from './address.ts'
import { grantsOf, RIGHTS } from './rights.ts'

const VARIABLE = 'GATEPOST_CLICKHOUSE_URL'

/** What gives the user in the URL the rights that it needs. */
function grants(user: string): string {
  return grantsOf(RIGHTS.filter(({ inCluster }) => inCluster !== true))
    .map((grant) => `${grant} TO ${user}`)
    .join('; ')
}

const WRONG_USER = new Set(['192', '193', '194', '516'])
const NO_RIGHT = '497'
/** The profile is read-only, or has constraints on settings. */
const NO_SETTINGS = new Set(['164', '452'])
const NO_DATABASE = '81'

/** The engine's own answer, which ends the statement. Any other error leaves the outcome unknown. */
export function isAnswer(error: unknown): boolean {
  return engineCode(error) !== null
}

/** Converts an error of the client; the message says which server and what to do. */
export function serverError(error: unknown, address: ServerAddress): GatepostError {
  if (error instanceof GatepostError) return error
  const code = engineCode(error)
  return new GatepostError(classifyEngineCode(code), describe(error, code, address), error)
}

/** At the start: an error that will not go away by itself is a configuration error. */
export function startError(error: unknown, address: ServerAddress): GatepostError {
  // A failed migration names its statement; the reason is in the cause.
  const reason = error instanceof GatepostError && error.cause !== undefined ? error.cause : error
  const code = engineCode(reason)
  if (code === null && !(reason instanceof GatepostError)) return serverError(reason, address)
  if (code === null || !isMistake(code)) return serverError(error, address)
  return new GatepostError('CONFIG_INVALID', describe(reason, code, address), error)
}

function isMistake(code: string): boolean {
  return WRONG_USER.has(code) || NO_SETTINGS.has(code) || code === NO_RIGHT || code === NO_DATABASE
}

/** While running, a missing right or a wrong password may be corrected: records wait in the log until then. */
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

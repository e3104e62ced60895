import { SQL_CODES, TooManyGuesses, type SqlError } from './errors.ts'
import type { ConnectionRefusals } from '../common/connection-gate.ts'

/** Why a request was refused before anything ran. `guesses`: its address sent too many wrong passwords. */
export type Refusal = 'host' | 'password' | 'guesses' | 'busy' | 'guard' | 'request'

/** Plain counters since the start. */
export interface SqlStats {
  readonly completed: number
  readonly failed: number
  readonly abandoned: number
  /** Of the abandoned: clients that read their result slowly, and lost their slot to others. */
  readonly slow: number
  readonly refused: Readonly<Record<Refusal, number>>
  readonly active: number
  readonly queued: number
  readonly sessions: number
  /** Of temporary tables. */
  readonly tableBytes: number
  readonly rowsRead: number
  readonly bytesSent: number
  readonly connectionsRefused: ConnectionRefusals
}

export class Counters {
  completed = 0
  failed = 0
  /** The client disconnected before its answer was complete. */
  abandoned = 0
  slow = 0
  rowsRead = 0
  bytesSent = 0
  readonly refused: Record<Refusal, number> = { host: 0, password: 0, guesses: 0, busy: 0, guard: 0, request: 0 }
}

/** Null: a query ran, and failed. */
export function refusalOf(error: SqlError): Refusal | null {
  if (error instanceof TooManyGuesses) return 'guesses'
  switch (error.code) {
    case SQL_CODES.REQUIRED_PASSWORD:
    case SQL_CODES.AUTHENTICATION_FAILED:
      return 'password'
    case SQL_CODES.TOO_MANY_SIMULTANEOUS_QUERIES:
    case SQL_CODES.USER_SESSION_LIMIT_EXCEEDED:
      return 'busy'
    case SQL_CODES.ACCESS_DENIED:
    case SQL_CODES.UNKNOWN_ROLE:
    case SQL_CODES.SET_NON_GRANTED_ROLE:
    case SQL_CODES.READONLY:
    case SQL_CODES.SETTING_CONSTRAINT_VIOLATION:
      return 'guard'
    case SQL_CODES.QUERY_IS_TOO_LARGE:
    case SQL_CODES.UNKNOWN_SETTING:
    case SQL_CODES.UNKNOWN_FORMAT:
    case SQL_CODES.THERE_IS_NO_SESSION:
    case SQL_CODES.SESSION_NOT_FOUND:
    case SQL_CODES.SESSION_IS_LOCKED:
    case SQL_CODES.SESSION_ID_EMPTY:
    case SQL_CODES.INVALID_SESSION_TIMEOUT:
    case SQL_CODES.TOO_MANY_TABLES:
      return 'request'
    default:
      return null
  }
}

import { SqlError } from '../errors.ts'

/** Parameters of a request that are about its session. */
export interface SessionRequest {
  readonly id: string
  /** How long the session is kept after the request. */
  readonly seconds: number
  /** Whether it has to be there already. */
  readonly mustExist: boolean
  /** Whether it ends with the request. */
  readonly ends: boolean
}

const DEFAULT_SECONDS = 60
const MAX_SECONDS = 3600
const MAX_ID = 256

/** @throws SqlError SESSION_ID_EMPTY, BAD_ARGUMENTS, INVALID_SESSION_TIMEOUT */
export function sessionRequestOf(params: URLSearchParams): SessionRequest | null {
  const id = params.get('session_id')
  if (id === null) return null
  if (id === '') throw new SqlError('SESSION_ID_EMPTY', 'Session id query parameter was provided, but it was empty')
  if (id.length > MAX_ID) throw new SqlError('BAD_ARGUMENTS', `A session_id has at most ${MAX_ID} characters`)
  const given = params.get('session_timeout')
  const seconds = given === null ? DEFAULT_SECONDS : /^\d{1,10}$/.test(given) ? Number(given) : NaN
  if (Number.isNaN(seconds)) throw new SqlError('INVALID_SESSION_TIMEOUT', `Invalid session timeout: '${given}'`)
  if (seconds > MAX_SECONDS) {
    const why = `Session timeout '${seconds}' is larger than max_session_timeout: ${MAX_SECONDS}`
    throw new SqlError('INVALID_SESSION_TIMEOUT', why)
  }
  const isOn = (name: string) => ['1', 'true'].includes(params.get(name) ?? '')
  return { id, seconds, mustExist: isOn('session_check'), ends: isOn('close_session') }
}

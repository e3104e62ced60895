import { messageOf } from '../common/errors.ts'

/** ClickHouse error codes that the endpoint itself raises; the engine's errors keep their own codes. */
export const SQL_CODES = {
  BAD_ARGUMENTS: 36,
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_DATABASE: 81,
  THERE_IS_NO_SESSION: 113,
  UNKNOWN_SETTING: 115,
  READONLY: 164,
  REQUIRED_PASSWORD: 194,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  ABORTED: 236,
  QUERY_IS_TOO_LARGE: 229,
  MEMORY_LIMIT_EXCEEDED: 241,
  CHECKSUM_DOESNT_MATCH: 40,
  CANNOT_DECOMPRESS: 271,
  SESSION_NOT_FOUND: 372,
  SESSION_IS_LOCKED: 373,
  INVALID_SESSION_TIMEOUT: 374,
  QUERY_WAS_CANCELLED: 394,
  TOO_MANY_ROWS_OR_BYTES: 396,
  TOO_LARGE_SIZE_COMPRESSED: 39,
  SETTING_CONSTRAINT_VIOLATION: 452,
  ACCESS_DENIED: 497,
  UNKNOWN_ROLE: 511,
  SET_NON_GRANTED_ROLE: 512,
  AUTHENTICATION_FAILED: 516,
  USER_SESSION_LIMIT_EXCEEDED: 700,
  TOO_MANY_TABLES: 724,
  SESSION_ID_EMPTY: 744,
  UNKNOWN_EXCEPTION: 1002,
} as const

export type SqlCodeName = keyof typeof SQL_CODES

/** An exception as a ClickHouse client sees it: a numeric code, its name and a message. */
export class SqlError extends Error {
  readonly code: number
  readonly codeName: string

  constructor(code: SqlCodeName | { code: number; name: string }, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'SqlError'
    this.code = typeof code === 'string' ? SQL_CODES[code] : code.code
    this.codeName = typeof code === 'string' ? code : code.name
  }
}

/** An address that sent many wrong passwords: none is compared for some time. */
export class TooManyGuesses extends SqlError {
  readonly waitMs: number

  constructor(user: string, waitMs: number) {
    const seconds = Math.ceil(waitMs / 1000)
    super('AUTHENTICATION_FAILED', `${user}: too many wrong passwords came from this address; wait ${seconds} s`)
    this.waitMs = waitMs
  }
}

/** @param mostBytes of a result */
export function tooLarge(mostBytes: number): SqlError {
  return new SqlError('TOO_MANY_ROWS_OR_BYTES', `Limit for result exceeded, max bytes: ${mostBytes}`)
}

/** A message is cut in its middle: the engine repeats the query in it, and the patterns below take more than linear time. */
const MESSAGE_HEAD = 3000
const MESSAGE_TAIL = 1000

function shortened(message: string): string {
  if (message.length <= MESSAGE_HEAD + MESSAGE_TAIL) return message
  return `${message.slice(0, MESSAGE_HEAD)} ... ${message.slice(-MESSAGE_TAIL)}`
}

const ENGINE_MESSAGE = /^Code: (\d+)\. DB::Exception: ([^]*?)(?: \(version [^()]*(?:\([^()]*\))?\))?\s*$/

/** Converts anything thrown. Paths of this machine are removed from the engine's messages. */
export function asSqlError(error: unknown, dataPath: string): SqlError {
  if (error instanceof SqlError) return error
  const text = shortened(messageOf(error))
    .replaceAll(dataPath, '…')
    .replace(/: \(in file\/uri [^)]*\)/, '')
    // The temporary file with an INSERT's data: see insert.ts.
    .replace(/: While reading from: [^:]*\/gatepost-insert-\w+\/data/, '')
  // Some of the engine's exceptions contain another complete one.
  const match = ENGINE_MESSAGE.exec(text.replace(/^Code: \d+\. DB::Exception: (?=Code: \d+\. DB::Exception: )/, ''))
  if (match === null) return new SqlError('UNKNOWN_EXCEPTION', text, error)
  // Syntax errors of the guard's own query end with that query and a list of expected tokens: cut both.
  const message = (match[2] ?? text)
    .replace(/: In scope SELECT formatQuerySingleLine\([^]*(?= \([A-Z_]+\)$)/, '')
    .replace(/(?<=Expected one of: [^]{300})[^]*(?= \([A-Z_]+\)$)/, ' ...')
  const name = /\(([A-Z][A-Z0-9_]+)\)\s*(?:\(version [^()]*\)\. \([A-Z0-9_]+\))?$/.exec(message)
  const bare = name === null ? message : message.slice(0, name.index).trimEnd()
  return new SqlError({ code: Number(match[1]), name: name?.[1] ?? 'UNKNOWN_EXCEPTION' }, bare, error)
}

/** The body that ClickHouse sends for an exception. */
export function exceptionText(error: SqlError, version: string): string {
  return `Code: ${error.code}. DB::Exception: ${error.message} (${error.codeName}) (version ${version} (chDB))\n`
}

// The HTTP status of each code, as in ClickHouse's server; codes not listed are 500.
const BAD_REQUEST = [
  6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676,
]
const NOT_FOUND = [46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511]
const FORBIDDEN = [192, 193, 497, 512, 516]
const STATUS = new Map<number, number>([
  ...BAD_REQUEST.map((code): [number, number] => [code, 400]),
  ...NOT_FOUND.map((code): [number, number] => [code, 404]),
  ...FORBIDDEN.map((code): [number, number] => [code, 403]),
  [SQL_CODES.REQUIRED_PASSWORD, 401],
  [SQL_CODES.QUERY_IS_TOO_LARGE, 413],
  [SQL_CODES.NOT_IMPLEMENTED, 501],
  // ClickHouse answers 500; 503 tells proxies and clients that they may retry.
  [SQL_CODES.TOO_MANY_SIMULTANEOUS_QUERIES, 503],
  [SQL_CODES.ABORTED, 503],
  [76, 503],
  [209, 503],
  [439, 503],
  [159, 408],
  [779, 415],
])

export function statusOf(error: SqlError): number {
  if (error instanceof TooManyGuesses) return 429
  return STATUS.get(error.code) ?? 500
}

/**
 * Whether a failed call may be retried:
 *  always   it succeeds once a server is back or there is room again: retry without limit
 *  briefly  the cause is unknown and it may succeed: retry for a bounded time, then give up with an error
 *  never    an operator must change something first, or the caller must start again with other arguments
 */
export type Retryable = 'always' | 'briefly' | 'never'

/** Every error that callers tell apart. Callers match codes, never messages; whether to retry is decided here and nowhere else. */
export const ERROR_CODES = {
  LOG_FULL: { retryable: 'always', meaning: 'the record log is full; nothing was appended' },
  LOG_WRITE_REFUSED: { retryable: 'always', meaning: 'the disk refused the write; nothing was appended' },
  LOG_OUTCOME_UNKNOWN: { retryable: 'never', meaning: 'written, but it is not known whether the record is durable' },
  LOG_CLOSED: { retryable: 'never', meaning: 'the record log is closing' },
  LOG_CORRUPT: { retryable: 'never', meaning: 'the record log holds bytes that were never written' },
  LOG_UNAVAILABLE: { retryable: 'always', meaning: 'the record log cannot be reached' },
  LOG_MISCONFIGURED: {
    retryable: 'never',
    meaning: 'a topic of the record log is missing or has wrong settings',
  },
  SCHEMA_UNKNOWN: {
    retryable: 'never',
    meaning: 'a later version of Gatepost wrote these records; this one cannot parse them',
  },
  DATA_FORMAT_LATER: {
    retryable: 'never',
    meaning: 'a later version of Gatepost wrote this data; this one cannot use it',
  },
  STORE_UNAVAILABLE: { retryable: 'always', meaning: 'the store cannot be reached or is shutting down' },
  STORE_REFUSED: { retryable: 'briefly', meaning: 'the store refused the statement' },
  STORE_FENCED: { retryable: 'never', meaning: 'another aggregator owns this part of the log now' },
  STORE_INCONSISTENT: { retryable: 'never', meaning: 'a batch is only partly in its table' },
  STORE_MIGRATION: { retryable: 'never', meaning: 'a migration is missing, was changed, or failed' },
  DIRECTORY_LOCKED: { retryable: 'always', meaning: 'another process owns the directory' },
  CONFIG_INVALID: { retryable: 'never', meaning: 'an option has a value that is not allowed' },
  PLATFORM_UNSUPPORTED: { retryable: 'never', meaning: 'a library has no binary for this Node.js or operating system' },
  INPUT_INVALID: { retryable: 'never', meaning: 'an argument or a file cannot be used' },
} as const satisfies Record<string, { readonly retryable: Retryable; readonly meaning: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/** An error with a code from the list above; `cause` is the underlying error. */
export class GatepostError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'GatepostError'
    this.code = code
  }

  get retryable(): Retryable {
    return ERROR_CODES[this.code].retryable
  }
}

/** Retryability of any thrown value; an error without a code has an unknown cause. */
export function retryableOf(error: unknown): Retryable {
  return error instanceof GatepostError ? error.retryable : 'briefly'
}

/** Log fields for any thrown value. */
export function errorFields(error: unknown): {
  readonly error: string
  readonly code?: ErrorCode
  readonly meaning?: string
} {
  if (!(error instanceof GatepostError)) return { error: messageOf(error) }
  return { error: error.message, code: error.code, meaning: ERROR_CODES[error.code].meaning }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

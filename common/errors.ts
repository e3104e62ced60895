/**
 * Every error that a caller may want to tell apart. Callers match codes, never messages.
 * `retryable`: the same call may succeed later without anybody's help.
 */
export const ERROR_CODES = {
  LOG_FULL: { retryable: true, meaning: 'the record log is at its bound; nothing was appended' },
  LOG_WRITE_REFUSED: { retryable: true, meaning: 'the disk refused before anything was appended' },
  LOG_OUTCOME_UNKNOWN: { retryable: false, meaning: 'written but not known to be durable' },
  LOG_CLOSED: { retryable: false, meaning: 'the record log is closing' },
  LOG_CORRUPT: { retryable: false, meaning: 'bytes in the record log are not what was written' },
  LOG_UNAVAILABLE: { retryable: true, meaning: 'the record log cannot be reached' },
  LOG_MISCONFIGURED: { retryable: false, meaning: 'a topic of the record log is missing or is not set as it must be' },
  STORE_UNAVAILABLE: { retryable: true, meaning: 'the store cannot be reached or is shutting down' },
  STORE_REFUSED: { retryable: false, meaning: 'the store understood and refused' },
  STORE_FENCED: { retryable: false, meaning: 'another aggregator has claimed this part of the log' },
  STORE_INCONSISTENT: { retryable: false, meaning: 'a batch is in its table in part' },
  STORE_MIGRATION: { retryable: false, meaning: 'a migration is missing, changed or failed' },
  DIRECTORY_LOCKED: { retryable: true, meaning: 'another process owns the directory' },
  CONFIG_INVALID: { retryable: false, meaning: 'an option has a value that is not allowed' },
  PLATFORM_UNSUPPORTED: { retryable: false, meaning: 'a library has no binary for this Node.js or operating system' },
  INPUT_INVALID: { retryable: false, meaning: 'an argument or a file cannot be used' },
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An error with a code of the list above; `cause` holds what was underneath. */
export class GatepostError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'GatepostError'
    this.code = code
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

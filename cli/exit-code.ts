import type { ErrorCode } from '../common/errors.ts'

/** Exit statuses of commands. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** Wrong arguments, input file, configuration or Node.js: running it again does not help. */
  usage: 2,
  /** The raw data of a metric has expired and no stored result exists. */
  noData: 3,
} as const

export const EXIT_STATUS_HELP = `
Exit status:
  0  done
  1  failed: try again, or read the message
  2  wrong arguments, input, configuration or Node.js
  3  metrics: the raw data of that window is deleted and no result was stored`

const USAGE: readonly ErrorCode[] = ['CONFIG_INVALID', 'INPUT_INVALID', 'PLATFORM_UNSUPPORTED']

export function exitCodeOf(code: ErrorCode): number {
  return USAGE.includes(code) ? EXIT.usage : EXIT.failed
}

import type { ErrorCode } from '../common/errors.ts'

/** What a command's exit status tells a script. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** Wrong arguments, a wrong input file or a wrong configuration: running it again changes nothing. */
  usage: 2,
  /** A metric's raw data is gone by retention and no stored result exists. */
  noData: 3,
} as const

export const EXIT_STATUS_HELP = `
Exit status:
  0  done
  1  failed: try again, or read the message
  2  wrong arguments, input or configuration
  3  metrics: the raw data of that window is deleted and no result was stored`

export function exitCodeOf(code: ErrorCode): number {
  return code === 'CONFIG_INVALID' || code === 'INPUT_INVALID' ? EXIT.usage : EXIT.failed
}

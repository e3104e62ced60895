import { createRequire } from 'node:module'
import { pino } from 'pino'
import type { build } from 'pino-pretty'
import type { LogEvent, LogLevel } from './log-events.ts'

type Log<L extends LogLevel> = (
  fields: { readonly event: LogEvent<L>; readonly [field: string]: unknown },
  message: string,
) => void

/** A pino logger that takes only events of the list in log-events.ts, each at its level. */
export type Logger = { readonly [L in LogLevel]: Log<L> } & { level: string }

/**
 * The process's logger, writing to standard error: one JSON document per line, or readable lines on a terminal.
 * Never log a token, a password or a voucher code, and no user name, MAC or address of a person at level info or above.
 */
export function createLogger(name: string): Logger {
  const level = process.env['GATEPOST_LOG_LEVEL'] ?? 'info'
  if (process.stderr.isTTY) {
    // Loaded here because most processes log to a file or a pipe and start faster without it.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof build
    return pino(
      { name, level },
      pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
    )
  }
  return pino({ name, level }, pino.destination({ dest: 2, sync: true }))
}

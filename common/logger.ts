import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/**
 * The process's log, to standard error: one JSON document a line for programs, readable lines on a terminal.
 * Never log a token, a password or a voucher.
 */
export function createLogger(name: string): Logger {
  const level = process.env['GATEPOST_LOG_LEVEL'] ?? 'info'
  if (process.stderr.isTTY) {
    return pino(
      { name, level },
      pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
    )
  }
  return pino({ name, level }, pino.destination({ dest: 2, sync: true }))
}

import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/**
 * The process's logger, writing to standard error: one JSON document per line, or readable lines on a terminal.
 * Never log a token, a password or a voucher code.
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

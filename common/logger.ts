import { createRequire } from 'node:module'
import { pino, type Logger } from 'pino'
import type { build } from 'pino-pretty'

export type { Logger }

/**
 * The process's logger, writing to standard error: one JSON document per line, or readable lines on a terminal.
 * Never log a token, a password or a voucher code.
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

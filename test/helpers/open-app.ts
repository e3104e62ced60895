import { pino } from 'pino'
import { App } from '../../ingest/app.ts'
import type { LogWriter } from '../../log/contract.ts'
import { MemoryAccess } from './memory-access.ts'

/** The routes of a worker in open mode, without any decisions. */
export function openApp(log: LogWriter): App {
  return new App({
    log,
    authMode: 'open',
    secrets: ['secret'],
    access: new MemoryAccess(),
    ack: 'durable',
    logger: pino({ level: 'silent' }),
  })
}

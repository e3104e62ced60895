import { pino } from 'pino'
import { App } from '../../ingest/app.ts'
import { DEFAULT_USER_RULES, type UserRules } from '../../ingest/encode/post-auth.ts'
import type { LogWriter } from '../../log/contract.ts'
import { MemoryAccess } from './memory-access.ts'

/** The routes of a worker in open mode, without any decisions. */
export function openApp(log: LogWriter, users: Partial<UserRules> = {}): App {
  return new App({
    log,
    authMode: 'open',
    secrets: ['secret'],
    access: new MemoryAccess(),
    users: () => ({ ...DEFAULT_USER_RULES, ...users }),
    ack: 'durable',
    logger: pino({ level: 'silent' }),
  })
}

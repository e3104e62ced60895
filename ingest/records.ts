import type { LogWriter } from '../log/contract.ts'
import { descriptorOf, STREAMS, type FieldNames, type Stream } from '../schemas/streams/index.ts'
import { BatchSequence, StreamBatcher } from './batcher.ts'
import { ACCOUNTING_FIELDS } from './encode/accounting.ts'
import { AUTH_FIELDS } from './encode/auth.ts'
import {
  DEAD_LETTER_FIELDS,
  DEAD_LETTER_REASONS,
  deadLetterBytes,
  encodeDeadLetter,
  type DeadLetter,
} from './encode/dead-letter.ts'
import { PING_FIELDS } from './encode/ping.ts'
import {
  encodePortalSession,
  PORTAL_SESSION_FIELDS,
  portalSessionBytes,
  type PortalSessionRecord,
} from './encode/portal-session.ts'
import { POST_AUTH_FIELDS } from './encode/post-auth.ts'
import type { RecordBatch } from './batch.ts'

/** The fields that the encoder of each stream writes. A stream without an entry does not compile. */
export const WRITTEN_FIELDS: { readonly [T in Stream]: FieldNames<T> } = {
  post_auth: POST_AUTH_FIELDS,
  radius_accounting: ACCOUNTING_FIELDS,
  gateway_pings: PING_FIELDS,
  gateway_auth: AUTH_FIELDS,
  portal_sessions: PORTAL_SESSION_FIELDS,
  dead_letters: DEAD_LETTER_FIELDS,
}

/** The batchers of a process, one per stream, with a shortcut for dead letters. */
export class Records {
  readonly all: readonly StreamBatcher[]
  readonly postAuth: StreamBatcher
  readonly accounting: StreamBatcher
  readonly pings: StreamBatcher
  readonly auth: StreamBatcher
  readonly portalSessions: StreamBatcher
  readonly deadLetters: StreamBatcher
  /** Dead letters by source and reason, "ping bad_telemetry". */
  readonly deadLettersByReason = new Map<string, number>(
    STREAMS.flatMap((stream) => {
      const source = descriptorOf(stream).reportedAs
      return source === null ? [] : DEAD_LETTER_REASONS.map((reason) => [`${source} ${reason}`, 0] as const)
    }),
  )

  constructor(log: LogWriter) {
    const sequence = new BatchSequence()
    this.all = STREAMS.map((stream) => new StreamBatcher(stream, log, sequence))
    const batcher = (stream: Stream) => this.all[STREAMS.indexOf(stream)]
    this.postAuth = batcher('post_auth')
    this.accounting = batcher('radius_accounting')
    this.pings = batcher('gateway_pings')
    this.auth = batcher('gateway_auth')
    this.portalSessions = batcher('portal_sessions')
    this.deadLetters = batcher('dead_letters')
  }

  /** @returns the batch to wait for; null: refused. */
  deadLetter(letter: DeadLetter, now: number): RecordBatch | null {
    const reason = `${letter.source} ${letter.reason}`
    this.deadLettersByReason.set(reason, (this.deadLettersByReason.get(reason) as number) + 1)
    const batch = this.deadLetters.begin(deadLetterBytes(letter), now)
    if (batch === null) return null
    encodeDeadLetter(batch.cursor, letter)
    this.deadLetters.end(batch)
    return batch
  }

  /** Records a token that the portal issued. @returns the batch to wait for; null: refused. */
  portalSession(record: PortalSessionRecord, now: number): RecordBatch | null {
    const batch = this.portalSessions.begin(portalSessionBytes(record), now)
    if (batch === null) return null
    encodePortalSession(batch.cursor, record)
    this.portalSessions.end(batch)
    return batch
  }

  /** Resolves when all accepted records are durable or refused. */
  async flush(): Promise<void> {
    await Promise.all(this.all.map((batcher) => batcher.flush()))
  }
}

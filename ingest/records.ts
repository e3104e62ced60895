import type { LogWriter } from '../log/contract.ts'
import type { Topic } from '../schemas/topics.ts'
import { BatchSequence, TopicBatcher } from './batcher.ts'
import { deadLetterBytes, encodeDeadLetter, type DeadLetter } from './encode/dead-letter.ts'
import { encodePortalSession, portalSessionBytes, type PortalSessionRecord } from './encode/portal-session.ts'
import type { RecordBatch } from './batch.ts'

/** The batchers of a process, one per topic, and its dead letters. */
export class Records {
  readonly postAuth: TopicBatcher
  readonly pings: TopicBatcher
  readonly auth: TopicBatcher
  readonly portalSessions: TopicBatcher
  readonly deadLetters: TopicBatcher
  /** Dead letters by source and reason, "ping bad_telemetry". */
  readonly deadLettersByReason = new Map<string, number>()

  constructor(log: LogWriter) {
    const sequence = new BatchSequence()
    const batcher = (topic: Topic) => new TopicBatcher(topic, log, sequence)
    this.postAuth = batcher('post_auth')
    this.pings = batcher('gateway_pings')
    this.auth = batcher('gateway_auth')
    this.portalSessions = batcher('portal_sessions')
    this.deadLetters = batcher('dead_letters')
  }

  get all(): readonly TopicBatcher[] {
    return [this.postAuth, this.pings, this.auth, this.portalSessions, this.deadLetters]
  }

  /** @returns the batch to wait for; null: refused. */
  deadLetter(letter: DeadLetter, now: number): RecordBatch | null {
    const reason = `${letter.source} ${letter.reason}`
    this.deadLettersByReason.set(reason, (this.deadLettersByReason.get(reason) ?? 0) + 1)
    const batch = this.deadLetters.begin(deadLetterBytes(letter), now)
    if (batch === null) return null
    encodeDeadLetter(batch.cursor, letter)
    this.deadLetters.end(batch)
    return batch
  }

  /** A token that the portal issued. @returns the batch to wait for; null: refused. */
  portalSession(record: PortalSessionRecord, now: number): RecordBatch | null {
    const batch = this.portalSessions.begin(portalSessionBytes(record), now)
    if (batch === null) return null
    encodePortalSession(batch.cursor, record)
    this.portalSessions.end(batch)
    return batch
  }

  /** Resolves when everything that was accepted is durable or refused. */
  async flush(): Promise<void> {
    await Promise.all(this.all.map((batcher) => batcher.flush()))
  }
}

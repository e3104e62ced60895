import type { Logger } from '../../common/logger.ts'
import type { Forgotten } from '../../privacy/forget-person.ts'
import type { Person } from '../../privacy/person.ts'
import type { Retention } from '../../store/retention.ts'
import type { TableStore } from '../../store/table-store.ts'

/** How far one topic of the record log is behind its table. */
export interface TopicLag {
  readonly topic: string
  readonly bytes: number
  /** Age of the oldest record that waits. */
  readonly seconds: number
}

/** What ingest did not take, since it was started. */
export interface Refused {
  /** record: not stored, or not known to be; request: answered with an error, or not believed. */
  readonly kind: 'record' | 'request'
  /** The topic or the route. */
  readonly of: string
  /** An error code, or what was answered. */
  readonly reason: string
  readonly count: number
}

/** Denies a session for good, as `gatepost access deny session` does. @throws GatepostError LOG_UNAVAILABLE */
export type CutOff = (sessionId: string, reason: string) => Promise<void>

/**
 * Stores the record of a dead letter, as `gatepost dead-letters replay` does. Null: there is no such letter.
 * @throws GatepostError INPUT_INVALID: what is wrong with the payload; of the store
 */
export type ReplayLetter = (
  letter: { readonly batchId: string; readonly batchIndex: number },
  payload: string | null,
) => Promise<{ readonly table: string; readonly received_at: string; readonly rows: number } | null>

/** Forgets people, as `gatepost forget` does. */
export interface Forgetter {
  /** How a person is named in the audit log: nobody can be found from it. */
  hash(person: Person): string
  /** @throws GatepostError of the store and the log; again later is always safe */
  forget(person: Person, dryRun: boolean): Promise<Forgotten>
}

/** What the dashboard stands on. */
export interface DashboardOptions {
  readonly store: TableStore
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Names under which it may be called, beside localhost and its address. */
  readonly allowedHosts: readonly string[]
  /** Addresses and CIDR blocks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** Of whoever may look and act. */
  readonly password: string | undefined
  /** Of whoever may only look. Neither password set: nobody has to log in. */
  readonly viewerPassword: string | undefined
  readonly retention: Retention
  /** Null: this process does not read the record log. */
  readonly lag: (() => readonly TopicLag[]) | null
  /** Null: this process has no ingest beside it. */
  readonly refused: (() => Promise<readonly Refused[] | null>) | null
  /** Null: this process cannot reach the access decisions. */
  readonly cutOff: CutOff | null
  /** Null: this process does not write the tables. */
  readonly replayLetter: ReplayLetter | null
  /** A text: why this process cannot. */
  readonly forgetter: Forgetter | string
  readonly logger: Logger
}

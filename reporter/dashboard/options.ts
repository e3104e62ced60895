import type { NewVoucher, VoucherOrder, VoucherState } from '../../access/vouchers.ts'
import type { Certificate } from '../../common/certificate.ts'
import type { Logger } from '../../common/logger.ts'
import type { Forgotten } from '../../privacy/forget-person.ts'
import type { Person } from '../../privacy/person.ts'
import type { Retention } from '../../store/retention.ts'
import type { TableStore } from '../../store/table-store.ts'

/** The lag of one stream. */
export interface TopicLag {
  readonly topic: string
  readonly bytes: number
  /** Age of the oldest record not yet stored. */
  readonly seconds: number
}

/** What ingest refused since it was started. */
export interface Refused {
  /** record: not stored, or not known to be; request: answered with an error, or not trusted. */
  readonly kind: 'record' | 'request'
  /** The topic or the route. */
  readonly of: string
  /** An error code, or the answer. */
  readonly reason: string
  readonly count: number
}

/** Denies a session for good, as `gatepost access deny session` does. @throws GatepostError LOG_UNAVAILABLE */
export type CutOff = (sessionId: string, reason: string) => Promise<void>

/**
 * Stores the record of a dead letter, as `gatepost dead-letters replay` does. Null: there is no such dead letter.
 * @throws GatepostError INPUT_INVALID: the payload is not valid; of the store
 */
export type ReplayLetter = (
  letter: { readonly batchId: string; readonly batchIndex: number },
  payload: string | null,
) => Promise<{ readonly table: string; readonly received_at: string; readonly rows: number } | null>

/** Forgets people, as `gatepost forget` does. */
export interface Forgetter {
  /** The person's name in the audit log, which does not reveal the person. */
  hash(person: Person): string
  /** @throws GatepostError of the store and the log; repeating the call is always safe */
  forget(person: Person, dryRun: boolean): Promise<Forgotten>
}

/** Vouchers of the portal, as `gatepost access vouchers` handles them. Everything throws GatepostError LOG_UNAVAILABLE. */
export interface VoucherDesk {
  create(order: VoucherOrder): Promise<readonly NewVoucher[]>
  /** Oldest first. */
  list(): Promise<readonly VoucherState[]>
  /** How many devices; null: there is no such voucher. */
  release(id: string): Promise<number | null>
}

/** Options and services of the dashboard. */
export interface DashboardOptions {
  readonly store: TableStore
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Host names under which it may be reached, besides localhost and its address. */
  readonly allowedHosts: readonly string[]
  /** Addresses and CIDR blocks whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly string[]
  /** Null: no TLS. */
  readonly certificate: Certificate | null
  /** Password of operators. */
  readonly password: string | undefined
  /** Password of viewers. If neither is set, no login is needed. */
  readonly viewerPassword: string | undefined
  readonly retention: Retention
  /** Null: this process does not read the record log. */
  readonly lag: (() => readonly TopicLag[]) | null
  /** Null: this instance has no ingest. */
  readonly refused: (() => Promise<readonly Refused[] | null>) | null
  /** Null: this process cannot reach the access log. */
  readonly cutOff: CutOff | null
  /** Whether NAS are asked to end RADIUS sessions that are denied. */
  readonly disconnects: boolean
  /** Null: this process cannot reach the access log, or has no secret. */
  readonly vouchers: VoucherDesk | null
  /** URLs of this instance's listeners, from this machine, which pages put into examples. Null: it has none. */
  readonly listeners: { readonly gateway: string; readonly ingest: string } | null
  /** Null: this process does not write the tables. */
  readonly replayLetter: ReplayLetter | null
  /** A text says why this process cannot forget people. */
  readonly forgetter: Forgetter | string
  readonly logger: Logger
}

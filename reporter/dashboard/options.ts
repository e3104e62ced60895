import type { Logger } from '../../common/logger.ts'
import type { TableStore } from '../table-store.ts'

/** How far one topic of the record log is behind its table. */
export interface Lag {
  readonly topic: string
  readonly bytes: number
  /** Age of the oldest record that waits. */
  readonly seconds: number
}

/** Denies a session for good, as `gatepost access deny session` does. @throws GatepostError LOG_UNAVAILABLE */
export type CutOff = (sessionId: string, reason: string) => Promise<void>

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
  readonly retentionDays: number
  /** Null: this process does not read the record log. */
  readonly lag: (() => readonly Lag[]) | null
  /** Null: this process cannot reach the access decisions. */
  readonly cutOff: CutOff | null
  readonly logger: Logger
}

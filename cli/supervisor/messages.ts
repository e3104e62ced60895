import type { IngestOptions } from '../../ingest/worker.ts'

/** A process's metrics as prom-client's getMetricsAsJSON() gives them: plain data, summed up by the supervisor. */
export type MetricsJson = readonly object[]

/** What an ingest worker is told at its start. */
export type IngestStart = Omit<IngestOptions, 'logger'>

/** What the store process is told at its start. */
export interface StoreStart {
  readonly dataDir: string
  readonly privateBind: string
  readonly sqlPort: number
  readonly sqlPassword: string | undefined
  readonly sqlAdminPassword: string | undefined
  readonly retentionDays: number
  readonly allowedHosts: readonly string[]
}

/** From the supervisor to a child. */
export type ToChild<Start> =
  | { readonly type: 'start'; readonly start: Start }
  /** Finish what was accepted within this time, then exit with status 0. */
  | { readonly type: 'drain'; readonly withinMs: number }
  | { readonly type: 'metrics'; readonly id: number }

/** From a child to the supervisor. */
export type FromChild =
  /** The child listens; a message sent to a cluster worker before that is lost. */
  | { readonly type: 'hello' }
  | { readonly type: 'ready' }
  | { readonly type: 'metrics'; readonly id: number; readonly metrics: MetricsJson }
  /** Why the child is about to end: what a restart would not mend. */
  | { readonly type: 'failed'; readonly message: string }

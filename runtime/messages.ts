import type { Policy } from '../jobs/policies/policy.ts'
import type { ErrorCode } from '../common/errors.ts'
import type { IngestOptions } from './ingest-process/worker.ts'
import type { ArchiveBounds } from '../log/journal/archive.ts'
import type { KafkaOptions } from '../log/kafka/client/port.ts'
import type { Refused } from '../reporter/dashboard/options.ts'
import type { PublisherOptions } from '../reporter/publish/publishers.ts'
import type { Retention } from '../store/retention.ts'

/*
 * What a supervisor and its children say to each other, over the channel between them: passwords are in it, so nothing of it goes through
 * arguments, the environment or files.
 */

/** A process's metrics as prom-client's getMetricsAsJSON() gives them: plain data, summed up by the supervisor. */
export type MetricsJson = readonly object[]

/** What an ingest worker is told at its start. */
export type IngestStart = Omit<IngestOptions, 'logger'>

/** The record log as a reader sees it. */
export type ReaderLog =
  | {
      readonly kind: 'journal'
      readonly directory: string
      /** See Gathered.partition. */
      readonly partition: string
      /** Where what is stored is kept; null: nowhere. */
      readonly archive: ({ readonly directory: string } & ArchiveBounds) | null
    }
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      /** Of the consumers. */
      readonly group: string
    }

/** The SQL endpoint of the embedded store. */
export interface EndpointStart {
  readonly host: string
  readonly port: number
  readonly password: string | undefined
  readonly adminPassword: string | undefined
  readonly allowedHosts: readonly string[]
}

export type StoreDescription =
  | { readonly kind: 'embedded'; readonly dataDir: string; readonly endpoint: EndpointStart }
  | { readonly kind: 'server'; readonly url: string; readonly cluster: string | undefined }

/** Where the access decisions are. */
export type AccessDescription =
  | { readonly kind: 'file'; readonly dataDir: string }
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      /** Of the installation's token keys; none: the process neither issues tokens nor checks them. */
      readonly fingerprints: readonly string[]
    }

/** The dashboard and report API. */
export interface DashboardStart {
  readonly host: string
  readonly port: number
  readonly allowedHosts: readonly string[]
  readonly trustedProxies: readonly string[]
  /** Of whoever may look and act, and of whoever may only look. */
  readonly password: string | undefined
  readonly viewerPassword: string | undefined
  /** Null: not known to this command, so nobody is cut off here. */
  readonly access: AccessDescription | null
  /** This instance's own, which may hold an archive; null: it has none. */
  readonly dataDir: string | null
}

/** Where and when results go out. */
export interface ReportsStart {
  readonly publishers: PublisherOptions
  /** Minutes of the UTC day. */
  readonly publishAtMinute: number
  /** What the locations are imported from by the clock; null: they are imported by hand. */
  readonly locations: { readonly source: string; readonly everyMs: number } | null
  /** For how many days logins are kept under pseudonyms, and their key; null: not at all. */
  readonly history: { readonly keptDays: number; readonly secret: string } | null
}

/** Who is told of gateways that go down. */
export interface AlertsStart {
  readonly url: string
  readonly secret: string
}

/** What a process with the store is told at its start. */
export interface StoreStart {
  readonly store: StoreDescription
  readonly retention: Retention
  /** After how many missed intervals a session counts as ended. */
  readonly sessionTimeoutIntervals: number
  /** What it brings into the tables; null: nothing. */
  readonly log: ReaderLog | null
  /** The token keys, under which people were erased on request; none: not known to this command. */
  readonly tokenKeys: readonly string[]
  /** Where decisions are read and quotas' denials written; null: it keeps no sessions. */
  readonly access: AccessDescription | null
  readonly policies: readonly Policy[]
  /** PRECONDITION: `access` is given. Null: nobody. */
  readonly alerts: AlertsStart | null
  /** What else it does goes on while Kafka is away: then it is ready without, and reads when Kafka is back. */
  readonly waitsForLog: boolean
  /** `all`: everything that waits is stored before it ends. `own`: what it has read; the rest is for the others of its group. */
  readonly drains: 'all' | 'own'
  /** It keeps table `metrics` current and publishes; null: neither. */
  readonly reports: ReportsStart | null
  /** Null: none. */
  readonly dashboard: DashboardStart | null
}

/** From the supervisor to a child. */
export type ToChild<Start> =
  | { readonly type: 'start'; readonly start: Start }
  /** Finish what was accepted within this time, then exit with status 0. */
  | { readonly type: 'drain'; readonly withinMs: number }
  | { readonly type: 'metrics'; readonly id: number }
  /** What it asked for; null: this command has no ingest. */
  | { readonly type: 'refused'; readonly id: number; readonly refused: readonly Refused[] | null }

/** Why a child ends by its own decision. */
export interface Failure {
  readonly message: string
  /** Null: an error that is not one of ours. */
  readonly code: ErrorCode | null
}

/** From a child to the supervisor. */
export type FromChild =
  /** The child listens; a message sent to a cluster worker before that is lost. */
  | { readonly type: 'hello' }
  | { readonly type: 'ready' }
  /** Whether what it works with answers at the moment; until told otherwise it does. */
  | { readonly type: 'available'; readonly available: boolean }
  | { readonly type: 'metrics'; readonly id: number; readonly metrics: MetricsJson }
  /** Asks what ingest did not take. */
  | { readonly type: 'refused'; readonly id: number }
  /** Why the child is about to end: what a restart would not mend. */
  | ({ readonly type: 'failed' } & Failure)

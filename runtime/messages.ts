import type { Limit } from '../access/limits.ts'
import type { NasClient } from '../jobs/disconnects/nas-clients.ts'
import type { Policy } from '../jobs/policies/policy.ts'
import type { CertificateFiles } from '../common/certificate.ts'
import type { ErrorCode } from '../common/errors.ts'
import type { BackupSchedule } from './backup/backups.ts'
import type { S3Access } from './backup/s3/address.ts'
import type { IngestOptions } from './ingest-process/worker.ts'
import type { UserNamesOption } from './ingest-process/user-names.ts'
import type { ArchiveBounds } from '../log/journal/archive.ts'
import type { KafkaOptions } from '../log/kafka/client/port.ts'
import type { Refused } from '../reporter/dashboard/options.ts'
import type { PublisherOptions } from '../reporter/publish/publishers.ts'
import type { NamedReader } from '../sql-endpoint/index.ts'
import type { Retention } from '../store/retention.ts'

/*
 * Messages between a supervisor and its children, over their IPC channel. They contain passwords, so none of this goes through arguments,
 * the environment or files.
 */

/** A process's metrics as returned by prom-client's getMetricsAsJSON(): plain data, merged by the supervisor. */
export type MetricsJson = readonly object[]

/** Start message of an ingest worker. */
export type IngestStart = Omit<IngestOptions, 'logger'>

/** The record log, for a reader. */
export type ReaderLog =
  | {
      readonly kind: 'journal'
      readonly directory: string
      /** See Gathered.partition. */
      readonly partition: string
      /** Where stored segments are archived; null: no archive. */
      readonly archive: ({ readonly directory: string } & ArchiveBounds) | null
    }
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      /** The consumer group. */
      readonly group: string
    }

/** The SQL endpoint of the embedded store. */
export interface EndpointStart {
  readonly host: string
  readonly port: number
  readonly password: string | undefined
  readonly adminPassword: string | undefined
  readonly readers: readonly NamedReader[]
  readonly allowedHosts: readonly string[]
  readonly trustedProxies: readonly string[]
}

/** Backups of the data directory of an embedded store. */
export interface BackupStart {
  readonly log: 'journal' | 'kafka'
  /** Null: only on request. */
  readonly schedule: BackupSchedule | null
  readonly s3: S3Access
}

export type StoreDescription =
  | {
      readonly kind: 'embedded'
      readonly dataDir: string
      readonly endpoint: EndpointStart
      readonly backup: BackupStart
    }
  | { readonly kind: 'server'; readonly url: string; readonly cluster: string | undefined }

/** Where the access log is. */
export type AccessDescription =
  | { readonly kind: 'file'; readonly dataDir: string }
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      /** Fingerprints of the token keys; empty: the process neither issues nor verifies tokens. */
      readonly fingerprints: readonly string[]
    }

/** The dashboard and report API. */
export interface DashboardStart {
  readonly host: string
  readonly port: number
  readonly allowedHosts: readonly string[]
  readonly trustedProxies: readonly string[]
  /** Null: no TLS. */
  readonly certificateFiles: CertificateFiles | null
  /** Of operators, and of viewers. */
  readonly password: string | undefined
  readonly viewerPassword: string | undefined
  /** Null: this command does not know the access log, so it cannot cut off sessions. */
  readonly access: AccessDescription | null
  /** Whether NAS are asked to end RADIUS sessions that are denied. */
  readonly disconnects: boolean
  /** See DashboardOptions. */
  readonly listeners: { readonly gateway: string; readonly ingest: string } | null
  /** The data directory of this instance, which may hold an archive; null: none. */
  readonly dataDir: string | null
}

/** Where and when results are published. */
export interface ReportsStart {
  readonly publishers: PublisherOptions
  /** Minutes of the UTC day. */
  readonly publishAtMinute: number
  /** Source and interval of the scheduled import of locations; null: imported by hand only. */
  readonly locations: { readonly source: string; readonly everyMs: number } | null
  /** For how many days logins are kept under pseudonyms, and the key; null: no history. */
  readonly history: { readonly keptDays: number; readonly secret: string } | null
}

/** Who is notified about gateways. */
export interface AlertsStart {
  readonly url: string
  readonly secret: string
}

/** Start message of a process with the store. */
export interface StoreStart {
  readonly store: StoreDescription
  readonly retention: Retention
  readonly userNames: UserNamesOption
  /** After how many missed intervals a session counts as ended. */
  readonly sessionTimeoutIntervals: number
  /** The log that it stores; null: none. */
  readonly log: ReaderLog | null
  /** The token keys, with which erased subjects are hashed; empty: not known to this command. */
  readonly tokenKeys: readonly string[]
  /** Where decisions are read, and denials for exceeded quotas written; null: it runs no jobs. */
  readonly access: AccessDescription | null
  readonly policies: readonly Policy[]
  /** Limits of those who log in at the portal. */
  readonly limits: readonly Limit[]
  /** How NAS are asked to end sessions; empty: they are not. */
  readonly nasClients: readonly NasClient[]
  /** PRECONDITION: `access` is set. Null: no alerts. */
  readonly alerts: AlertsStart | null
  /** Other work continues while Kafka is down: the process becomes ready without it, and reads once Kafka is back. */
  readonly waitsForLog: boolean
  /** `all`: stores everything in the log before it ends. `own`: stores what it has read; the rest is left to its group. */
  readonly drains: 'all' | 'own'
  /** Computes table `metrics` and publishes; null: neither. */
  readonly reports: ReportsStart | null
  /** Null: no dashboard. */
  readonly dashboard: DashboardStart | null
}

/** From the supervisor to a child. */
export type ToChild<Start> =
  | { readonly type: 'start'; readonly start: Start }
  /** Finish accepted work within this time, then exit with status 0. */
  | { readonly type: 'drain'; readonly withinMs: number }
  | { readonly type: 'metrics'; readonly id: number }
  /** Read again what may change while the child runs: the certificate. */
  | { readonly type: 'reload' }
  /** The answer to the child's question; null: this command has no ingest. */
  | { readonly type: 'refused'; readonly id: number; readonly refused: readonly Refused[] | null }

/** Why a child ends on its own. */
export interface Failure {
  readonly message: string
  /** Null: the error is not a GatepostError. */
  readonly code: ErrorCode | null
}

/** From a child to the supervisor. */
export type FromChild =
  /** The child is listening. A message sent to a cluster worker before that is lost. */
  | { readonly type: 'hello' }
  | { readonly type: 'ready' }
  /** Sent every second: the event loop runs, and so does the engine of a child that has one. */
  | { readonly type: 'alive' }
  /** Whether the services that the child depends on answer; true until said otherwise. */
  | { readonly type: 'available'; readonly available: boolean }
  | { readonly type: 'metrics'; readonly id: number; readonly metrics: MetricsJson }
  /** The child finds that it has to be replaced: its engine does not end a query. */
  | { readonly type: 'hangs'; readonly reason: string }
  /** Asks what ingest refused. */
  | { readonly type: 'refused'; readonly id: number }
  /** The child is about to end because of an error that a restart does not solve. */
  | ({ readonly type: 'failed' } & Failure)

import type { AccessLog } from '../../access/log.ts'
import type { LogWriter } from '../../log/contract.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'

/** A worker's slot in the directory that holds acknowledged records: the journal, or the spill. */
export interface SlotOptions {
  /** <data directory>/journal or <data directory>/spill. */
  readonly directory: string
  /** Which part of it this worker writes. */
  readonly slot: number
  /** Maximum size of the slot in bytes. */
  readonly maxBytes: number
  readonly segmentMaxBytes: number
  readonly sealAfterMs: number
}

/** Where a worker's batches go. Plain data, so that it can be sent to another process. */
export type IngestLogOptions =
  | ({
      readonly kind: 'journal'
      /** The data directory, which holds the access log. */
      readonly accessDirectory: string
    } & SlotOptions)
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      readonly spill: SlotOptions
      /**
       * The worker may answer before it has read the access log: its token key is known to be the installation's, or Kafka is down, and
       * heartbeats and logins go to the spill.
       */
      readonly answersAtOnce: boolean
    }

/** A worker's connection to the record log. */
export interface IngestLog {
  readonly writer: LogWriter
  /** The access log: decisions of operators, policies and the portal. */
  readonly access: AccessLog
  /** Metrics of the log, in addition to the worker's. */
  metrics(): Promise<object[]>
  close(): Promise<void>
}

import type { AccessLog } from '../../access/log.ts'
import type { LogWriter } from '../../log/contract.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'

/** A worker's share of the directory that takes what it acknowledges: the journal, or where Kafka's outages are bridged. */
export interface SlotOptions {
  /** <data directory>/journal or <data directory>/spill. */
  readonly directory: string
  /** Which part of it this worker writes. */
  readonly slot: number
  /** Bound of that part. */
  readonly maxBytes: number
  readonly segmentMaxBytes: number
  readonly sealAfterMs: number
}

/** Where a worker's batches go: plain data, so that it can be sent to another process. */
export type IngestLogOptions =
  | ({
      readonly kind: 'journal'
      /** Where the access decisions are: the data directory. */
      readonly accessDirectory: string
    } & SlotOptions)
  | {
      readonly kind: 'kafka'
      readonly kafka: Omit<KafkaOptions, 'logger'>
      readonly topicPrefix: string
      readonly spill: SlotOptions
      /**
       * The worker may answer before it has read the access decisions: the token key is known to be this installation's, or Kafka is
       * away and heartbeats and logins are kept on disk.
       */
      readonly answersAtOnce: boolean
    }

/** A worker's way into the record log. */
export interface IngestLog {
  readonly writer: LogWriter
  /** What operators, policies and the portal decided. */
  readonly access: AccessLog
  /** What it reports beside the worker. */
  metrics(): Promise<object[]>
  close(): Promise<void>
}

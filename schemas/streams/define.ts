import type { AvroType } from '../avro-type.ts'

/** Milliseconds since the epoch, UTC. */
export const TIMESTAMP = { type: 'long', logicalType: 'timestamp-millis' } as const

/**
 * Whom a field names, so that their records can be found. `user`: a name as stored in tables; `mac`: a MAC in the normal form; `text`: may
 * name anybody; `writer`: the name of the credential with which the record was sent.
 */
export type Holds = 'user' | 'mac' | 'text' | 'writer'

/** A field of a stream's records, and the column of the same name in its table. */
export interface StreamField {
  readonly name: string
  readonly type: AvroType
  /** Whom the field names, for `gatepost forget`; null: nobody. Credentials never get into a record. */
  readonly holds: Holds | null
  readonly doc: string
  /** Required for a field that is added to a released schema: records written before get it. The column has the same default. */
  readonly default?: unknown
  /** Names of the field in released schemas. */
  readonly aliases?: readonly string[]
}

/**
 * A stream: records of one kind, from end to end. Every record begins with received_at, batch_id and batch_index, which identify it and
 * order its table; `fields` follow in this order.
 */
export interface StreamDescriptor {
  /** Name of its Avro record (gatepost.<name>), of its table, and of its journal segments. */
  readonly name: string
  /** Name after the configured prefix. */
  readonly kafkaTopic: string
  readonly doc: string
  readonly batchIdDoc?: string
  readonly fields: readonly StreamField[]
  /** dead_letters.source of a request whose record could not be stored; null: no request makes such records. */
  readonly reportedAs: string | null
  /** Tables derived from it, which have its retention unless they get their own, which must not be shorter. */
  readonly followedBy: readonly string[]
  /** Whether the dashboard's overview shows its rate. */
  readonly inOverview: boolean
}

/** Preserves the literal types, from which the names of streams, fields and sources are derived. */
export function defineStream<const D extends StreamDescriptor>(descriptor: D): D {
  return descriptor
}

import type { AvroType } from '../avro-type.ts'

/** Milliseconds since the epoch, UTC. */
export const TIMESTAMP = { type: 'long', logicalType: 'timestamp-millis' } as const

/** What a field can say about people. A user is a name as tables store it, a MAC is in the normal form, a text may name anybody. */
export type Holds = 'user' | 'mac' | 'text'

/** A field of a stream's records, and the column of the same name of its table. */
export interface StreamField {
  readonly name: string
  readonly type: AvroType
  /** Whom it names, so that a person can be forgotten; null: nobody. Credentials never get into a record. */
  readonly holds: Holds | null
  readonly doc: string
  /** Required of a field that is added to a released schema: older records have it. The column has the same default. */
  readonly default?: unknown
  /** Names that released schemas gave the field. */
  readonly aliases?: readonly string[]
}

/**
 * A stream of records of one kind, from end to end. Every record begins with received_at, batch_id and batch_index, which identify it and
 * order its table; `fields` follow in this order.
 */
export interface StreamDescriptor {
  /** Of its Avro record (gatepost.<name>), of its table, and of its journal segments. */
  readonly name: string
  /** Behind the configured prefix. */
  readonly kafkaTopic: string
  readonly doc: string
  readonly batchIdDoc?: string
  readonly fields: readonly StreamField[]
  /** What dead_letters.source says of a request whose record could not be stored; null: no request makes one. */
  readonly reportedAs: string | null
  /** Tables computed from it that expire with it unless they are given days of their own, which are never fewer. */
  readonly followedBy: readonly string[]
  /** Whether the dashboard's overview says how much comes in. */
  readonly inOverview: boolean
}

/** Keeps the literal types, from which the names of streams, fields and sources follow. */
export function defineStream<const D extends StreamDescriptor>(descriptor: D): D {
  return descriptor
}

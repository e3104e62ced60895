import type { Batch } from '../schemas/batch.ts'
import { recordSchema, type RecordSchema } from '../schemas/avro.ts'
import { decodeRecord, encodeRecord, type DecodedRecord } from '../schemas/record.ts'

/** Why a record went to the dead letters: the engine refused it, or its bytes are no record. */
export type DeadReason = 'refused_by_store' | 'undecodable'

/** A record that cannot be stored in its table. */
export interface DeadRecord {
  /** Its place in its batch. An undecodable record stands for the rest of its batch too. */
  readonly index: number
  readonly reason: DeadReason
  readonly error: string
  /** Its bytes; of an undecodable one, all that follow it. */
  readonly bytes: Uint8Array
}

const PAYLOAD_MAX_CHARACTERS = 16 * 1024
const ERROR_MAX_CHARACTERS = 1024

/** The dead letters of one batch as a batch of their own topic, under the identity of the batch they come from. */
export function deadLetters(batch: Batch, records: readonly DeadRecord[]): Batch {
  // One about a dead letter takes its place, in the same batch.
  const schema = batch.topic === 'dead_letters' ? batch.schema : recordSchema('dead_letters')
  return {
    topic: 'dead_letters',
    schema,
    batchId: batch.batchId,
    recordCount: records.length,
    minReceivedAt: batch.minReceivedAt,
    maxReceivedAt: batch.maxReceivedAt,
    records: Buffer.concat(records.map((record) => encode(schema, batch, record))),
  }
}

function encode(schema: RecordSchema, batch: Batch, { index, reason, error, bytes }: DeadRecord): Buffer {
  const record = reason === 'undecodable' ? null : decode(batch.schema, bytes)
  return encodeRecord(schema, {
    received_at: receivedAt(batch, record),
    batch_id: batch.batchId,
    batch_index: index,
    source: batch.topic,
    reason,
    error: error.slice(0, ERROR_MAX_CHARACTERS),
    payload: payload(record, bytes),
  })
}

function decode(schema: RecordSchema, bytes: Uint8Array): DecodedRecord | null {
  try {
    return decodeRecord(schema, bytes)
  } catch {
    return null
  }
}

/** The record's own time, unless it is what is wrong with it: a batch's rows are looked for in the batch's window. */
function receivedAt({ minReceivedAt, maxReceivedAt }: Batch, record: DecodedRecord | null): number {
  const own = Number(record?.['received_at'])
  return own >= minReceivedAt && own <= maxReceivedAt && sameMonth(own, minReceivedAt) ? own : minReceivedAt
}

function sameMonth(a: number, b: number): boolean {
  return new Date(a).toISOString().slice(0, 7) === new Date(b).toISOString().slice(0, 7)
}

/** Records hold no credentials: ingest never writes one. JSON, or base64 of what is no record. */
function payload(record: DecodedRecord | null, bytes: Uint8Array): string {
  if (record === null) {
    return Buffer.from(bytes.subarray(0, (PAYLOAD_MAX_CHARACTERS / 4) * 3)).toString('base64')
  }
  const text = JSON.stringify(record, (_, value: unknown) => {
    if (typeof value === 'bigint') return value.toString()
    return isSerializedBuffer(value) ? Buffer.from(value.data).toString('hex') : value
  })
  return text.slice(0, PAYLOAD_MAX_CHARACTERS)
}

/** JSON.stringify() calls a Buffer's toJSON() before its replacer. */
function isSerializedBuffer(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer'
}

import type { Batch } from '../schemas/batch.ts'
import { recordSchema, type RecordSchema } from '../schemas/avro.ts'
import { decodeRecord, encodeRecord, type DecodedRecord } from '../schemas/record.ts'

/** Why the aggregator made a dead letter: the store refused the record, or its bytes cannot be decoded. */
export const DEAD_REASONS = ['refused_by_store', 'undecodable'] as const
export type DeadReason = (typeof DEAD_REASONS)[number]

/** A record that cannot be stored in its table. */
export interface DeadRecord {
  /** Its index in the batch. An undecodable record stands for the rest of its batch too. */
  readonly index: number
  readonly reason: DeadReason
  readonly error: string
  /** Its bytes; for an undecodable record, all following bytes too. */
  readonly bytes: Uint8Array
}

const PAYLOAD_MAX_CHARACTERS = 16 * 1024
const ERROR_MAX_CHARACTERS = 1024

/** The dead letters of one batch, as a batch of the stream dead_letters with the same identity. */
export function deadLetters(batch: Batch, records: readonly DeadRecord[]): Batch {
  // A dead letter about a dead letter replaces it in the same batch.
  const schema = batch.stream === 'dead_letters' ? batch.schema : recordSchema('dead_letters')
  return {
    stream: 'dead_letters',
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
    source: batch.stream,
    reason,
    error: error.slice(0, ERROR_MAX_CHARACTERS),
    payload: payload(record, bytes),
    remote_ip: text(record?.['remote_ip']),
    sender: text(record?.[batch.stream === 'dead_letters' ? 'sender' : 'source']),
  })
}

function decode(schema: RecordSchema, bytes: Uint8Array): DecodedRecord | null {
  try {
    return decodeRecord(schema, bytes)
  } catch {
    return null
  }
}

/** Records of earlier versions lack these fields. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The record's own time, unless that is what is wrong with it: rows of a batch are looked up within the batch's window. */
function receivedAt({ minReceivedAt, maxReceivedAt }: Batch, record: DecodedRecord | null): number {
  const own = Number(record?.['received_at'])
  return own >= minReceivedAt && own <= maxReceivedAt && sameMonth(own, minReceivedAt) ? own : minReceivedAt
}

function sameMonth(a: number, b: number): boolean {
  return new Date(a).toISOString().slice(0, 7) === new Date(b).toISOString().slice(0, 7)
}

/** Records hold no credentials, since ingest never writes any. JSON, or base64 of undecodable bytes. */
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

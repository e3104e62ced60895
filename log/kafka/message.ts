import { blockHeader, containerHeader } from '../../schemas/container.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { batchOfBlock } from '../../schemas/block.ts'
import type { Batch } from '../../schemas/batch.ts'
import { openContainer } from '../../schemas/opened-container.ts'
import { scanBlocks } from '../../schemas/scan.ts'
import { obstacleTo } from '../../schemas/later-schema.ts'
import type { OutgoingMessage } from './client/port.ts'

/*
 * One message is one batch: its value is a whole Avro object container file with one block, so that any Avro tool reads it.
 * It has no key. The headers say what the value holds, for tools and for people; the value alone is enough to read it.
 *
 *   batch     the batch's identity, 32 hexadecimal digits
 *   records   how many
 *   schema    MD5 of the schema's parsing canonical form, hexadecimal
 *   min, max  smallest and largest received_at, ms since the epoch
 */

export interface MessageHeaders extends Record<string, string> {
  batch: string
  records: string
  schema: string
  min: string
  max: string
}

/** A copy, since the batch's buffer may be reused while the message is in flight. */
export function messageValue(batch: Batch): Buffer {
  return Buffer.concat([
    containerHeader(batch.schema),
    blockHeader(batch.recordCount, batch.records.byteLength),
    batch.records,
    batch.schema.fingerprint,
  ])
}

/** The Kafka message for a batch. */
export function outgoingMessage(batch: Batch): OutgoingMessage {
  return { value: messageValue(batch), headers: messageHeaders(batch) }
}

export function messageHeaders(batch: Batch): MessageHeaders {
  return {
    batch: batch.batchId.toString('hex'),
    records: String(batch.recordCount),
    schema: batch.schema.fingerprint.toString('hex'),
    min: String(batch.minReceivedAt),
    max: String(batch.maxReceivedAt),
  }
}

/** The partition in a batch's identity. */
export function partitionOf(batchId: Buffer): number {
  return batchId.readUInt16BE(8)
}

/** A message with records of a later version, which this one cannot store whole. */
export interface LaterMessage {
  /** Why it cannot be stored, and which version to install. */
  readonly obstacle: string
}

/**
 * The batch in a message's value; a text that says why it holds none; or what this version lacks to store it. Headers are not needed and may
 * be missing.
 */
export function batchOfMessage(stream: Stream, value: Buffer | null): Batch | LaterMessage | string {
  if (value === null) return 'the message has no value'
  const container = openContainer(stream, value)
  if (container === null) return 'not an Avro object container file'
  // A message that Gatepost did not write does not hold up the others.
  if ('unreadable' in container) {
    return container.since === null ? container.unreadable : { obstacle: obstacleTo(container) }
  }
  const obstacle = obstacleTo(container)
  if (obstacle !== null) return { obstacle }
  const { schema, sync, start } = container
  const { blocks, corrupt, end } = scanBlocks(value, start, sync)
  if (blocks.length !== 1 || corrupt.length > 0 || end !== value.length) {
    return `a message must hold exactly one block, and this one holds ${blocks.length} in ${value.length} bytes`
  }
  return batchOfBlock(schema, value, blocks[0]) ?? 'its first record does not begin with received_at and batch_id'
}

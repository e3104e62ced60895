import { recordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import { TOPICS, type Topic } from '../../schemas/topics.ts'
import { batchOfBlock } from '../../schemas/block.ts'
import type { Batch } from '../../schemas/batch.ts'
import { headerEnd, scanBlocks } from '../../schemas/scan.ts'
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

const CONTAINER_HEADERS = new Map(TOPICS.map((topic) => [topic, containerHeader(recordSchema(topic))]))

/** A copy: the batch's buffer may be used again while the message is under way. */
export function messageValue(batch: Batch): Buffer {
  return Buffer.concat([
    CONTAINER_HEADERS.get(batch.topic) as Buffer,
    blockHeader(batch.recordCount, batch.records.byteLength),
    batch.records,
    recordSchema(batch.topic).fingerprint,
  ])
}

/** A batch as it goes to Kafka. */
export function outgoingMessage(batch: Batch): OutgoingMessage {
  return { value: messageValue(batch), headers: messageHeaders(batch) }
}

export function messageHeaders(batch: Batch): MessageHeaders {
  return {
    batch: batch.batchId.toString('hex'),
    records: String(batch.recordCount),
    schema: recordSchema(batch.topic).fingerprint.toString('hex'),
    min: String(batch.minReceivedAt),
    max: String(batch.maxReceivedAt),
  }
}

/** The partition that is part of a batch's identity. */
export function partitionOf(batchId: Buffer): number {
  return batchId.readUInt16BE(8)
}

/** The batch that a message's value holds; or, in words, why it holds none. Headers may be missing: they are not relied upon. */
export function batchOfMessage(topic: Topic, value: Buffer | null): Batch | string {
  if (value === null) return 'the message has no value'
  const { fingerprint } = recordSchema(topic)
  const start = headerEnd(value, fingerprint)
  if (start === null) return `not an Avro object container file of the schema ${topic}`
  const { blocks, corrupt, end } = scanBlocks(value, start, fingerprint)
  if (blocks.length !== 1 || corrupt.length > 0 || end !== value.length) {
    return `a message holds one whole block, and this one holds ${blocks.length} in ${value.length} bytes`
  }
  return batchOfBlock(topic, value, blocks[0]) ?? 'its first record does not begin with received_at and batch_id'
}

import { createHash } from 'node:crypto'
import { recordSchema } from '../../schemas/avro.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'

/** Bytes of a message that are kept, as base64, for diagnosis. */
const PAYLOAD_MAX_BYTES = 12 * 1024

/**
 * A dead letter for a message that is not a batch. Its identity is derived from the message's, so reading the message again gives the same
 * dead letter.
 */
export function messageLetter(
  stream: Stream,
  message: { readonly place: string; readonly value: Buffer | null; readonly timestamp: number },
  error: string,
): Batch {
  const batchId = createHash('md5').update(message.place).digest()
  const receivedAt = message.timestamp
  const schema = recordSchema('dead_letters')
  return {
    stream: 'dead_letters',
    schema,
    batchId,
    recordCount: 1,
    minReceivedAt: receivedAt,
    maxReceivedAt: receivedAt,
    records: schema.type.toBuffer({
      received_at: receivedAt,
      batch_id: batchId,
      batch_index: 0,
      source: stream,
      reason: 'undecodable',
      error: `message ${message.place}: ${error}`,
      payload: (message.value ?? Buffer.alloc(0)).subarray(0, PAYLOAD_MAX_BYTES).toString('base64'),
    }),
  }
}

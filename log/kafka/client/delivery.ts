import type { Batch } from 'kafkajs'
import type { Delivery } from './port.ts'

/** What a fetch brought, in our words. */
export function deliveryOf(batch: Batch): Delivery {
  return {
    topic: batch.topic,
    partition: batch.partition,
    // kafkajs has it on every batch; its type does not say so.
    fetchedOffset: Number((batch as unknown as { fetchedOffset: string }).fetchedOffset),
    messages: batch.messages.map(({ offset, key, value, timestamp }) => ({
      offset: Number(offset),
      key,
      value,
      timestamp: Number(timestamp),
    })),
    next: Number(batch.lastOffset()) + 1,
  }
}

import type { Batch } from 'kafkajs'
import type { Delivery } from './port.ts'

/** Converts a fetched batch of kafkajs into the port's type. */
export function deliveryOf(batch: Batch): Delivery {
  return {
    topic: batch.topic,
    partition: batch.partition,
    // kafkajs sets it on every batch, but its type does not declare it.
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

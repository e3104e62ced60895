import type { Batch } from 'kafkajs'
import type { Message } from '../partition.ts'

/** The offset that a fetch asked for. kafkajs has it on every batch; its type does not say so. */
export function fetchedOffset(batch: Batch): number {
  return Number((batch as unknown as { fetchedOffset: string }).fetchedOffset)
}

/** What a fetch brought. */
export function messagesOf(batch: Batch): Message[] {
  return batch.messages.map(({ offset, value, timestamp }) => ({
    offset: Number(offset),
    value,
    timestamp: Number(timestamp),
  }))
}

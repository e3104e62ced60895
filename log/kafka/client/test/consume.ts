import { randomBytes } from 'node:crypto'
import { createKafka } from '../connection.ts'
import type { KafkaOptions } from '../port.ts'

/** A message of the log, with the headers that our reader ignores. */
export interface Consumed {
  readonly partition: number
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Calls `onMessage` with every message of a topic, from the beginning. @returns a function that stops this */
export async function consumeTopic(
  kafka: KafkaOptions,
  topic: string,
  onMessage: (message: Consumed) => void,
): Promise<() => Promise<void>> {
  const consumer = createKafka(kafka, { retry: { retries: 8 } }).consumer({
    groupId: `test-${randomBytes(6).toString('hex')}`,
    maxWaitTimeInMs: 100,
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: ({ partition, message: { value, headers } }) => {
      const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])
      onMessage({ partition, value: value as Buffer, headers: Object.fromEntries(texts) as Record<string, string> })
      return Promise.resolve()
    },
  })
  return () => consumer.disconnect()
}

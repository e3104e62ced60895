import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import type { Reachable } from '../../../test/helpers/shared-broker.ts'
import { NEVER_MS } from '../../../test/helpers/until.ts'
import type { Batch } from '../../../schemas/batch.ts'
import { makeBatch } from '../../test/contract.ts'
import { consumeTopic, type Consumed } from '../client/test/consume.ts'
import { createTopics } from '../topics.ts'
import type { KafkaWriter } from '../writer.ts'
import { type KafkaWriterOptions } from '../writer.ts'

export const logger = pino({ level: 'silent' })

/** Creates the topics with a prefix. */
export async function makeTopics(
  cluster: Reachable,
  topicPrefix: string,
  { partitions = 2, replication = 1 } = {},
): Promise<void> {
  await createTopics({ kafka: cluster.options(), topicPrefix, partitions, replication, retentionMs: 3_600_000 })
}

export function writerOptions(
  cluster: Reachable,
  topicPrefix: string,
  directory: string,
  { slot = 0, maxBytes = 2 ** 26 } = {},
): KafkaWriterOptions {
  return {
    kafka: cluster.options('writer'),
    topicPrefix,
    spill: { directory: join(directory, 'spill'), slot, maxBytes, segmentMaxBytes: 2 ** 22, sealAfterMs: 100 },
    logger,
  }
}

/** A batch of dead letters for the writer's next partition, as ingest makes it. */
export function nextBatch(writer: KafkaWriter, payload: string): Batch {
  const partition = writer.nextPartition('dead_letters')
  const batchId = randomBytes(16)
  batchId.writeUInt16BE(partition, 8)
  return makeBatch([payload], Date.now(), 'dead_letters', batchId)
}

/** Every message of a topic, once it has at least `count` different batches. */
export async function consume(cluster: Reachable, topic: string, count: number): Promise<Consumed[]> {
  const messages: Consumed[] = []
  const stop = await consumeTopic(cluster.options('test'), topic, (message) => messages.push(message))
  await until(() => identities(messages).size >= count, `${count} batches in ${topic}`)
  await sleep(300)
  await stop()
  return messages
}

export function identities(messages: readonly Consumed[]): Set<string> {
  return new Set(messages.map(({ headers }) => headers['batch']))
}

/** @throws Error: it did not happen in time */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + NEVER_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it does not happen: ${what}`)
    await sleep(20)
  }
}

import { randomBytes } from 'node:crypto'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { withAdmin } from './client/admin.ts'
import { Group } from './client/group.ts'
import type { KafkaOptions } from './client/port.ts'
import { batchOfMessage } from './message.ts'
import { kafkaTopic } from './topic-names.ts'

const FETCH_MAX_BYTES = 4 * 2 ** 20

export interface FollowOptions {
  readonly kafka: KafkaOptions
  readonly topicPrefix: string
  readonly stream: Stream
  readonly onBatch: (batch: Batch) => void
  readonly logger: Logger
}

/** A topic that is being followed. */
export interface Following {
  /** Messages that this version cannot read. */
  readonly unreadable: () => number
  stop(): Promise<void>
}

/**
 * Reads what is appended to a topic from now on, in a group of its own that commits nothing.
 * @throws GatepostError LOG_UNAVAILABLE
 */
export async function followTopic({ kafka, topicPrefix, stream, onBatch, logger }: FollowOptions): Promise<Following> {
  const name = kafkaTopic(topicPrefix, stream)
  let unreadable = 0
  let assigned: () => void = () => undefined
  const reading = new Promise<void>((resolve) => (assigned = resolve))
  try {
    const ends = await withAdmin(kafka, (admin) => admin.ends(name))
    const next = new Map([...ends].map(([partition, { high }]) => [partition, high]))
    const group = new Group(
      {
        kafka,
        groupId: `gatepost-tail-${randomBytes(8).toString('hex')}`,
        topics: [name],
        fetchMaxBytes: FETCH_MAX_BYTES,
        partitionMaxBytes: FETCH_MAX_BYTES,
        logger,
      },
      {
        assigned: (assignment) => {
          // A partition that was added since has only what is new.
          for (const partition of assignment.get(name) ?? []) group.seek(name, partition, next.get(partition) ?? 0)
          assigned()
        },
        revoked: () => {},
        deliver: ({ partition, fetchedOffset, messages, next: after }) => {
          const expected = next.get(partition) ?? 0
          if (fetchedOffset !== expected) {
            group.seek(name, partition, expected)
            return false
          }
          for (const { value } of messages) {
            const batch = batchOfMessage(stream, value)
            if (typeof batch === 'string' || 'obstacle' in batch) unreadable++
            else onBatch(batch)
          }
          next.set(partition, after)
          return true
        },
      },
    )
    await group.start()
    await reading
    return { unreadable: () => unreadable, stop: () => group.stop() }
  } catch (error) {
    throw new GatepostError('LOG_UNAVAILABLE', `cannot read ${name}: ${messageOf(error)}`, error)
  }
}

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import { withAdmin } from './client/admin.ts'
import { Group } from './client/group.ts'
import type { Delivery, GroupMember, KafkaAdmin, KafkaOptions } from './client/port.ts'
import { PartitionReader } from './partition.ts'
import { kafkaTopic } from './topic-names.ts'

export interface RangeOptions {
  readonly kafka: KafkaOptions
  readonly topicPrefix: string
  readonly stream: Stream
  readonly partition: number
  /** First message: an offset, or a time in ms since the epoch; default: the beginning of the log. */
  readonly from?: Bound
  /** End (exclusive): an offset, or a time in ms since the epoch; default: the current end of the log. */
  readonly to?: Bound
  /** Reads only up to what this group has committed: the rest is left to the group. */
  readonly committedBy?: string
  readonly logger: Logger
}

export type Bound = { readonly offset: number } | { readonly time: number }

/** Consecutive messages of the range. */
export interface RangePart {
  readonly batches: readonly Batch[]
  /** Dead letters for messages that are not batches. */
  readonly letters: readonly Batch[]
  /** Offset of the next message, and the end of the range. */
  readonly next: number
  readonly end: number
}

const PART_MAX_BYTES = 8 * 2 ** 20
const READ_AHEAD_BYTES = 2 * PART_MAX_BYTES
const FETCH_MAX_BYTES = 4 * 2 ** 20
/** A stuck consumer is replaced sooner than this, so after this time waiting no longer helps. */
const STALLED_AFTER_MS = 150_000

/**
 * Reads part of a partition without joining a consumer group.
 * @throws GatepostError LOG_UNAVAILABLE, also when no message arrives any more; INPUT_INVALID: the partition does not exist, or the range is
 *  not in the log; SCHEMA_UNKNOWN: a message was written by a later version; all messages before it have been returned
 */
export async function* readRange(options: RangeOptions): AsyncGenerator<RangePart> {
  const name = kafkaTopic(options.topicPrefix, options.stream)
  const { start, end } = await bounds(options, name)
  if (start >= end) return
  const partition = new PartitionReader(options.stream, name, options.partition)
  partition.begin({ offset: start, expect: null })
  const group: GroupMember = new Group(
    {
      kafka: options.kafka,
      groupId: `gatepost-range-${randomBytes(8).toString('hex')}`,
      topics: [name],
      fetchMaxBytes: FETCH_MAX_BYTES,
      partitionMaxBytes: FETCH_MAX_BYTES,
      logger: options.logger,
    },
    {
      assigned: (assignment) => {
        for (const other of assignment.get(name) ?? []) if (other !== options.partition) group.pause(name, other)
        group.seek(name, options.partition, partition.expected as number)
      },
      revoked: () => {},
      deliver: (delivery) => deliver(group, partition, delivery),
    },
  )
  try {
    await group.start().catch((error: unknown) => {
      throw new GatepostError('LOG_UNAVAILABLE', `cannot read ${name}: ${messageOf(error)}`, error)
    })
    yield* parts(group, partition, end)
  } finally {
    await group.stop()
  }
}

async function* parts(group: GroupMember, partition: PartitionReader, end: number): AsyncGenerator<RangePart> {
  let cameAt = performance.now()
  for (;;) {
    const taken = partition.take(PART_MAX_BYTES, end)
    if (taken === null) {
      if (partition.held !== null) throw held(partition, partition.held)
      if (performance.now() - cameAt > STALLED_AFTER_MS) throw stalled(partition)
      await sleep(20)
      continue
    }
    if (partition.paused && partition.held === null && partition.queuedBytes < READ_AHEAD_BYTES / 2) {
      partition.paused = false
      group.resume(partition.kafkaTopic, partition.partition)
    }
    yield { batches: taken.batches, letters: taken.letters, next: taken.next, end }
    cameAt = performance.now()
    if (taken.next >= end) return
  }
}

function held({ name }: PartitionReader, { offset, obstacle }: { offset: number; obstacle: string }): GatepostError {
  return new GatepostError('SCHEMA_UNKNOWN', `message ${name}/${offset}: ${obstacle}`)
}

function stalled({ kafkaTopic: name, partition }: PartitionReader): GatepostError {
  const what = `nothing came of ${name}-${partition} for ${STALLED_AFTER_MS / 1000} s`
  return new GatepostError('LOG_UNAVAILABLE', `${what}: the brokers are down, or have deleted the rest of the range`)
}

function deliver(group: GroupMember, partition: PartitionReader, delivery: Delivery): boolean {
  if (delivery.partition !== partition.partition) return false
  const taken = partition.offer(delivery.fetchedOffset, delivery.messages) === 'taken'
  if (!taken) group.seek(partition.kafkaTopic, partition.partition, partition.expected as number)
  partition.paused = partition.queuedBytes >= READ_AHEAD_BYTES || partition.held !== null
  if (partition.paused) group.pause(partition.kafkaTopic, partition.partition)
  return taken
}

/** Numbers of a topic's partitions. @throws GatepostError LOG_UNAVAILABLE */
export async function partitionsOf(kafka: KafkaOptions, topicPrefix: string, stream: Stream): Promise<number[]> {
  const name = kafkaTopic(topicPrefix, stream)
  try {
    const ends = await withAdmin(kafka, (admin) => admin.ends(name))
    return [...ends.keys()].sort((a, b) => a - b)
  } catch (error) {
    throw new GatepostError('LOG_UNAVAILABLE', `cannot read ${name}: ${messageOf(error)}`, error)
  }
}

async function bounds(options: RangeOptions, name: string): Promise<{ start: number; end: number }> {
  try {
    return await withAdmin(options.kafka, (admin) => boundsIn(admin, options, name))
  } catch (error) {
    if (error instanceof GatepostError) throw error
    throw new GatepostError('LOG_UNAVAILABLE', `cannot read ${name}: ${messageOf(error)}`, error)
  }
}

async function boundsIn(
  admin: KafkaAdmin,
  options: RangeOptions,
  name: string,
): Promise<{ start: number; end: number }> {
  const ends = (await admin.ends(name)).get(options.partition)
  if (ends === undefined) {
    throw new GatepostError('INPUT_INVALID', `topic ${name} has no partition ${options.partition}`)
  }
  const { low, high } = ends
  const offsetOf = async (bound: Bound | undefined, missing: number): Promise<number> => {
    if (bound === undefined) return missing
    if ('offset' in bound) return bound.offset
    return (await admin.offsetsAt(name, bound.time)).get(options.partition) ?? high
  }
  const [start, end] = [await offsetOf(options.from, low), await offsetOf(options.to, high)]
  if (start < low || end > high) {
    throw new GatepostError('INPUT_INVALID', `${name}-${options.partition} holds offsets from ${low} to ${high}`)
  }
  if (options.committedBy === undefined) return { start, end }
  const committed = (await admin.committed(options.committedBy, name)).get(options.partition)
  return { start, end: Math.min(end, committed?.offset ?? low) }
}

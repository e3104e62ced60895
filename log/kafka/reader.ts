import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Gathered, Lag, LogReader } from '../contract.ts'
import { Group } from './client/group.ts'
import { LastingAdmin } from './client/lasting-admin.ts'
import type { Delivery, Ends, KafkaOptions } from './client/port.ts'
import { PartitionReader } from './partition.ts'
import { commitMetadata, resumeAt, startOf, type Start } from './position.ts'
import { ReaderWatch } from './reader-watch.ts'
import { kafkaTopic, partitionName } from './topic-names.ts'

export interface KafkaReaderOptions {
  readonly kafka: KafkaOptions
  readonly topicPrefix: string
  /** Name of the consumer group: its members share the partitions. */
  readonly group: string
  readonly logger: Logger
  /** Bytes of records read ahead, over all partitions; default 64 MiB. One fetch per partition may come on top. */
  readonly readAheadMaxBytes?: number
  /** How long open() waits to join the group; default 60 s. */
  readonly joinWithinMs?: number
  /** For tests, see ReaderWatchOptions. */
  readonly checkEveryMs?: number
  readonly verifyEveryMs?: number
}

export interface KafkaReaderStats {
  /** Wrong committed offsets, each followed by a rewind; see startOf(). */
  positionAlarms: number
  /** Rebalances that this reader joined. */
  joins: number
  /** Consumers replaced because they crashed or got stuck. */
  restarts: number
  /** Partitions assigned to this process. */
  partitions: number
  /** Partitions among them that are held for a later version of Gatepost. */
  heldPartitions: number
  /** Bytes of records read and not yet stored. */
  queuedBytes: number
}

/** Data for commit(). */
interface Position {
  readonly partition: PartitionReader
  readonly begun: number
  readonly next: number
  readonly lastId: string
}

const READ_AHEAD_MAX_BYTES = 64 * 2 ** 20
const FETCH_MAX_BYTES = 8 * 2 ** 20
const PARTITION_FETCH_MAX_BYTES = 2 ** 20
const JOIN_WITHIN_MS = 60_000
const LOCATE_RETRY_MS = 500

/** Reads the topics as a member of a consumer group. */
export class KafkaReader implements LogReader {
  readonly #options: KafkaReaderOptions
  readonly #logger: Logger
  readonly #admin: LastingAdmin
  readonly #group: Group
  readonly #topics: ReadonlyMap<string, Stream>
  readonly #counted = { positionAlarms: 0, joins: 0 }
  /** Names of the partitions with a committed offset. Kafka removes it with the topic: where one is missing, records may be lost. */
  readonly #committed = new Set<string>()
  #partitions: PartitionReader[] = []
  /** Changes whenever other readers may have owned the partitions in between. */
  #assignment = 0
  #joined: (() => void) | null = null
  #closed = false
  readonly #watch: ReaderWatch

  private constructor(options: KafkaReaderOptions) {
    this.#options = options
    this.#logger = options.logger
    this.#topics = new Map(STREAMS.map((stream) => [kafkaTopic(options.topicPrefix, stream), stream]))
    this.#admin = new LastingAdmin(options.kafka)
    this.#group = new Group(
      {
        kafka: options.kafka,
        groupId: options.group,
        topics: [...this.#topics.keys()],
        fetchMaxBytes: FETCH_MAX_BYTES,
        partitionMaxBytes: PARTITION_FETCH_MAX_BYTES,
        logger: options.logger,
      },
      {
        assigned: (assignment) => this.#assigned(assignment),
        revoked: () => this.#revoked(),
        deliver: (delivery) => this.#deliver(delivery),
      },
    )
    this.#watch = this.#watched()
  }

  #watched(): ReaderWatch {
    const { group, checkEveryMs, verifyEveryMs } = this.#options
    const kafkaTopics = [...this.#topics.keys()]
    return new ReaderWatch(
      { admin: this.#admin, group, kafkaTopics, checkEveryMs, verifyEveryMs },
      {
        partitions: () => this.#partitions,
        assignment: () => this.#assignment,
        ends: (name) => this.#ends(name),
        replaced: (partition) => {
          this.#alarm(partition, 'the topic was deleted and created again')
          this.#relocate(partition, ({ low }) => ({ offset: low, expect: null, alarm: null }))
        },
        stalled: (partition, expected) => {
          this.#logger.warn(
            { event: 'kafka.partition_stalled', partition: partition.name, expected },
            `Kafka reader: partition ${partition.name} stalled: records wait and none arrive; re-seeking to offset ${expected}`,
          )
          // The client may have lost its position: tell it again.
          this.#group.seek(partition.kafkaTopic, partition.partition, expected)
          this.#group.resume(partition.kafkaTopic, partition.partition)
        },
        unassigned: (partitions) => {
          this.#logger.error(
            { event: 'kafka.partitions_unread', partitions },
            'Kafka reader: no aggregator reads these partitions; rejoining the group to rebalance',
          )
          this.#group.rejoin('unassigned partitions')
        },
      },
    )
  }

  /**
   * Joins the group.
   * @throws GatepostError LOG_UNAVAILABLE: the brokers cannot be reached, or the rebalance does not finish
   */
  static async open(options: KafkaReaderOptions): Promise<KafkaReader> {
    const reader = new KafkaReader(options)
    const joined = new Promise<boolean>((resolve) => {
      reader.#joined = () => resolve(true)
      setTimeout(() => resolve(false), options.joinWithinMs ?? JOIN_WITHIN_MS).unref()
    })
    try {
      await reader.#group.start()
      if (await joined) return reader
      throw new Error(`the consumer group ${options.group} has not finished rebalancing`)
    } catch (error) {
      await reader.close()
      throw new GatepostError('LOG_UNAVAILABLE', `cannot read from Kafka: ${messageOf(error)}`, error)
    }
  }

  get stats(): KafkaReaderStats {
    return {
      ...this.#counted,
      restarts: this.#group.restarts,
      partitions: this.#partitions.length,
      heldPartitions: this.#partitions.filter(({ held }) => held !== null).length,
      queuedBytes: this.#partitions.reduce((sum, partition) => sum + partition.queuedBytes, 0),
    }
  }

  /** The partition with the oldest queued batch goes first. */
  read(stream: Stream, maxBytes: number, except?: ReadonlySet<string>): Promise<Gathered | null> {
    const waiting = this.#own(stream).filter(({ queuedBytes, name }) => queuedBytes > 0 && !except?.has(name))
    const partition = waiting.sort((a, b) => (a.oldestAt ?? 0) - (b.oldestAt ?? 0)).at(0)
    const taken = partition?.take(maxBytes)
    if (partition === undefined || !taken) return Promise.resolve(null)
    for (const other of this.#partitions) this.#flow(other)
    const { batches, letters, bytes, next, lastId } = taken
    return Promise.resolve({
      stream,
      batches,
      letters,
      bytes,
      partition: partition.name,
      assignment: this.#assignment,
      position: { partition, begun: partition.begun, next, lastId } satisfies Position,
    })
  }

  isCurrent({ assignment, position }: Gathered): boolean {
    const { partition, begun } = position as Position
    return assignment === this.#assignment && begun === partition.begun
  }

  /** A gather whose partition has another owner by now is not committed: the new owner does that. */
  async commit(gathered: Gathered): Promise<void> {
    if (!this.isCurrent(gathered)) return
    const { partition, next, lastId } = gathered.position as Position
    try {
      await this.#group.commit(partition.kafkaTopic, partition.partition, next, commitMetadata(lastId))
    } catch (error) {
      throw new GatepostError('LOG_UNAVAILABLE', `cannot commit ${partition.name}: ${messageOf(error)}`, error)
    }
    if (!this.isCurrent(gathered)) return
    partition.committedUpTo(next, lastId)
    this.#committed.add(partition.name)
  }

  rewind(stream: Stream): void {
    for (const partition of this.#own(stream)) {
      if (partition.committed === null) continue
      const { committed, committedId } = partition
      const start =
        committedId === null ? { offset: committed, expect: null } : { offset: committed - 1, expect: committedId }
      this.#begin(partition, start)
    }
  }

  /** Bytes are known only for what has been read ahead; for the rest, offsets count batches. */
  async lag(stream: Stream): Promise<Lag> {
    const own = this.#own(stream)
    if (own.length === 0) return { bytes: 0, batches: 0, oldestAt: null, partitions: [] }
    const ends = await this.#ends(own[0].kafkaTopic)
    const partitions = own.map(({ partition, committed }) => {
      const high = ends.get(partition)?.high ?? 0
      return { partition, batches: Math.max(0, high - (committed ?? high)) }
    })
    const batches = partitions.reduce((sum, partition) => sum + partition.batches, 0)
    const waiting = own.map(({ oldestAt }) => oldestAt).filter((at) => at !== null)
    return {
      bytes: own.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
      batches,
      oldestAt: batches === 0 || waiting.length === 0 ? null : Math.min(...waiting),
      partitions,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watch.stop()
    this.#revoked()
    await this.#group.stop()
    await this.#admin.close()
  }

  #assigned(assignment: ReadonlyMap<string, readonly number[]>): void {
    this.#revoked()
    this.#counted.joins++
    for (const [name, numbers] of assignment) {
      const stream = this.#topics.get(name)
      if (stream === undefined) continue
      for (const number of numbers) {
        this.#partitions.push(new PartitionReader(stream, name, number))
        this.#group.pause(name, number)
      }
    }
    this.#logger.info(
      { event: 'kafka.partitions_assigned', partitions: this.#partitions.map(({ name }) => name) },
      'Kafka reader: partitions assigned',
    )
    this.#joined?.()
    void this.#locate(this.#partitions, this.#assignment)
  }

  #own(stream: Stream): PartitionReader[] {
    return this.#partitions.filter((partition) => partition.stream === stream)
  }

  #revoked(): void {
    this.#assignment++
    this.#partitions = []
  }

  /** Finds the offsets to start at, with retries; then reading starts. */
  async #locate(partitions: readonly PartitionReader[], assignment: number): Promise<void> {
    const locate = async (name: string): Promise<void> => {
      const some = partitions.filter((partition) => partition.kafkaTopic === name)
      while (assignment === this.#assignment && !this.#closed) {
        try {
          return await this.#locateTopic(name, some, assignment)
        } catch (error) {
          this.#logger.warn(
            { event: 'kafka.offset_unreadable', topic: name, error: messageOf(error) },
            'Kafka reader: cannot read the committed offset; retrying',
          )
          await sleep(LOCATE_RETRY_MS)
        }
      }
    }
    // Topics are located independently: one whose leader is down does not delay the others.
    await Promise.all([...new Set(partitions.map(({ kafkaTopic }) => kafkaTopic))].map(locate))
  }

  async #locateTopic(name: string, partitions: readonly PartitionReader[], assignment: number): Promise<void> {
    const commits = await this.#admin.ask((admin) => admin.committed(this.#options.group, name))
    const ends = await this.#ends(name)
    if (assignment !== this.#assignment) return
    for (const number of commits.keys()) this.#committed.add(partitionName(name, number))
    for (const partition of partitions) {
      const end = ends.get(partition.partition)
      if (end === undefined) throw new Error(`${partition.name} does not exist`)
      const commit = commits.get(partition.partition)
      if (commit === undefined && this.#committed.delete(partition.name)) {
        this.#alarm(
          partition,
          'the committed offset is gone, since the topic was deleted and created again, or the group',
        )
      }
      this.#begin(partition, startOf({ committed: commit?.offset ?? null, metadata: commit?.metadata ?? null, ...end }))
    }
  }

  #ends(name: string): Promise<Map<number, Ends>> {
    return this.#admin.ask((admin) => admin.ends(name))
  }

  #begin(partition: PartitionReader, start: Omit<Start, 'alarm'> & Partial<Start>): void {
    if (start.alarm) this.#alarm(partition, start.alarm)
    partition.begin(start)
    this.#group.seek(partition.kafkaTopic, partition.partition, start.offset)
    this.#flow(partition)
  }

  #deliver(delivery: Delivery): boolean {
    const { fetchedOffset } = delivery
    const partition = this.#partitions.find(
      ({ kafkaTopic, partition }) => kafkaTopic === delivery.topic && partition === delivery.partition,
    )
    if (partition === undefined) return false
    switch (partition.offer(fetchedOffset, delivery.messages)) {
      case 'taken':
        this.#flow(partition)
        return true
      case 'held':
        this.#pause(partition)
        this.#logger.error(
          { event: 'kafka.partition_held', partition: partition.name, offset: partition.held?.offset },
          `Kafka reader: partition ${partition.name} is held at offset ${partition.held?.offset}: ${partition.held?.obstacle}`,
        )
        return false
      case 'wrong':
        this.#alarm(
          partition,
          `the batch before the committed offset ${partition.committed} is not the one that was stored`,
        )
        this.#relocate(partition, ({ low }) => ({ offset: low, expect: null, alarm: null }))
        return false
      case 'elsewhere': {
        const { expected, committed, committedId } = partition
        if (expected === null) return false
        const found = { partition: partition.name, expected, fetchedOffset }
        this.#logger.warn(
          { event: 'kafka.fetch_elsewhere', ...found },
          `Kafka reader: the client fetched ${partition.name} from offset ${fetchedOffset} instead of ${expected}; re-seeking`,
        )
        this.#relocate(partition, (ends) => resumeAt({ expected, committed, committedId, ...ends }))
        return false
      }
    }
  }

  /** Restarts reading where `decide` says, as soon as the log's ends can be read. */
  #relocate(partition: PartitionReader, decide: (ends: Ends) => Start): void {
    const assignment = this.#assignment
    partition.lose()
    this.#pause(partition)
    const attempt = async (): Promise<void> => {
      while (assignment === this.#assignment && !this.#closed) {
        const end = await this.#ends(partition.kafkaTopic).then(
          (ends) => ends.get(partition.partition),
          () => undefined,
        )
        if (assignment !== this.#assignment) return
        if (end !== undefined) return this.#begin(partition, decide(end))
        await sleep(LOCATE_RETRY_MS)
      }
    }
    void attempt()
  }

  #alarm(partition: PartitionReader, message: string): void {
    this.#counted.positionAlarms++
    this.#logger.error(
      { event: 'kafka.partition_reread', partition: partition.name, group: this.#options.group },
      `Kafka reader: ${message}; re-reading partition ${partition.name} from its beginning, stored batches are skipped`,
    )
  }

  /**
   * Pauses and resumes fetching. When the total limit is reached, only partitions above their share are paused, so that a partition without
   * queued records is never blocked by others.
   */
  #flow(partition: PartitionReader): void {
    const limit = this.#options.readAheadMaxBytes ?? READ_AHEAD_MAX_BYTES
    const share = limit / Math.max(1, this.#partitions.length)
    const full = this.stats.queuedBytes >= limit && partition.queuedBytes >= share
    if (!partition.paused && full) this.#pause(partition)
    else if (partition.paused && !full && partition.expected !== null && partition.held === null) {
      partition.paused = false
      this.#group.resume(partition.kafkaTopic, partition.partition)
    }
  }

  #pause(partition: PartitionReader): void {
    partition.paused = true
    this.#group.pause(partition.kafkaTopic, partition.partition)
  }
}

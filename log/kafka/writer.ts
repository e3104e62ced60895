import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { within } from '../../common/within.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Batching, LogWriter } from '../contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { KafkaOptions } from './client/port.ts'
import { partitionOf } from './message.ts'
import { countsAtStart, fetchPartitionCounts, save, type PartitionCounts } from './partition-counts.ts'
import { Spill, type SpillOptions } from './spill.ts'
import { kafkaTopic } from './topic-names.ts'
import { TopicWriter } from './topic-writer.ts'
import { newWriterStats, type WriterStats } from './writer-stats.ts'

export interface KafkaWriterOptions {
  readonly kafka: KafkaOptions
  readonly topicPrefix: string
  readonly spill: SpillOptions
  readonly logger: Logger
}

/** MEASURED: a record in a batch of 32-64 KiB costs 1-2 us of CPU, in a batch of its own some 0.5 ms. */
const BATCHING: Batching = { sealBytes: 64 * 2 ** 10, maxInFlight: 4, maxBatches: 64 }

const REFRESH_MS = 30_000
/** After an error the partition counts are refreshed sooner, but not more often than this. */
const REFRESH_AFTER_ERROR_MS = 2000
const ADOPT_MS = 5000
/** Time for sends in flight when closing; those without an answer are in the spill. */
const CLOSE_WITHIN_MS = 2000

/**
 * Writes records to Kafka. A batch that Kafka does not acknowledge within a second, or refuses, is written to the spill on disk and is
 * durable there; it is resent, with the same identity to the same partition, when Kafka accepts it. So append() fails only if the spill
 * refuses too.
 */
export class KafkaWriter implements LogWriter {
  readonly batching = BATCHING
  readonly stats: WriterStats = newWriterStats()
  readonly spill: Spill
  readonly #options: KafkaWriterOptions
  readonly #streams = new Map<Stream, TopicWriter>()
  readonly #timers: NodeJS.Timeout[] = []
  #refreshing: Promise<void> | null = null
  #refreshedAt = performance.now()
  #adopting: Promise<void> | null = null
  #closed = false

  private constructor(options: KafkaWriterOptions, spill: Spill, counts: PartitionCounts) {
    this.#options = options
    this.spill = spill
    for (const stream of STREAMS) {
      this.#streams.set(
        stream,
        new TopicWriter({
          stream,
          name: kafkaTopic(options.topicPrefix, stream),
          kafka: options.kafka,
          partitions: counts.get(stream) as number,
          spill,
          stats: this.stats,
          refresh: () => this.#refreshAfterError(),
          logger: options.logger,
        }),
      )
    }
  }

  /**
   * Takes the spill's slot, recovers it, adopts the spills of dead workers, and connects. Starts without Kafka if an earlier start of this
   * slot reached it.
   * @throws GatepostError LOG_UNAVAILABLE, LOG_MISCONFIGURED, DIRECTORY_LOCKED
   */
  static async open(options: KafkaWriterOptions): Promise<KafkaWriter> {
    const spill = await Spill.open(options.spill, options.logger)
    try {
      const counts = await countsAtStart(options.kafka, options.topicPrefix, spill.directory, options.logger)
      const writer = new KafkaWriter(options, spill, counts)
      await writer.#start()
      return writer
    } catch (error) {
      await spill.close()
      throw error
    }
  }

  async #start(): Promise<void> {
    await this.#adopt()
    await Promise.all([...this.#streams.values()].map((topic) => topic.open()))
    this.#timers.push(
      setInterval(() => void this.#adopt(), ADOPT_MS),
      setInterval(() => void this.#refresh(), REFRESH_MS),
    )
    for (const timer of this.#timers) timer.unref()
  }

  nextPartition(stream: Stream): number {
    return this.#of(stream).nextPartition()
  }

  append(batch: Batch): Promise<void> {
    if (this.#closed) return Promise.reject(new GatepostError('LOG_CLOSED', 'the record log is closed'))
    return this.#of(batch.stream).append(batch, partitionOf(batch.batchId))
  }

  /** Sends in flight, over all topics. */
  get inFlight(): number {
    return [...this.#streams.values()].reduce((sum, topic) => sum + topic.inFlight, 0)
  }

  /** Number of failing partitions. */
  get failingPartitions(): number {
    return [...this.#streams.values()].reduce((sum, topic) => sum + topic.failingPartitions, 0)
  }

  /** Whether the spill may hold batches of a topic. */
  spillHolds(stream: Stream): boolean {
    return this.#of(stream).spillHolds
  }

  /** Waits for appends in flight; batches in the spill stay there for the next start. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all([...this.#streams.values()].map((topic) => topic.drain()))
    await this.#adopting
    await this.spill.close()
    const leaving = Promise.all([...this.#streams.values()].map((topic) => topic.disconnect()))
    await within(CLOSE_WITHIN_MS, leaving).catch(() => {})
  }

  #of(stream: Stream): TopicWriter {
    return this.#streams.get(stream) as TopicWriter
  }

  #adopt(): Promise<void> {
    this.#adopting ??= this.spill
      .adopt()
      .then(
        (segments) => {
          this.stats.adoptedSegments += segments
          if (segments > 0) for (const topic of this.#streams.values()) topic.noticeSpill()
        },
        (error: unknown) =>
          this.#options.logger.error(
            { event: 'spill.look_failed', err: error },
            'spill: cannot look for spills of ended workers',
          ),
      )
      .finally(() => (this.#adopting = null))
    return this.#adopting
  }

  #refreshAfterError(): void {
    if (performance.now() - this.#refreshedAt > REFRESH_AFTER_ERROR_MS) void this.#refresh()
  }

  #refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#refreshedAt = performance.now()
    this.#refreshing ??= this.#fetchCounts().finally(() => (this.#refreshing = null))
    return this.#refreshing
  }

  async #fetchCounts(): Promise<void> {
    const { kafka, topicPrefix, logger } = this.#options
    try {
      const counts = await fetchPartitionCounts(kafka, topicPrefix)
      if (this.#closed) return
      let changed = false
      for (const [stream, count] of counts) changed = this.#of(stream).resize(count) || changed
      if (changed) save(this.spill.directory, kafka, topicPrefix, new Map([...this.#counts(), ...counts]))
    } catch (error) {
      logger.debug(
        { event: 'kafka.partitions_unknown', err: error },
        `Kafka writer: cannot look up the partitions: ${messageOf(error)}`,
      )
    }
  }

  #counts(): PartitionCounts {
    return new Map([...this.#streams].map(([stream, writer]) => [stream, writer.partitions]))
  }
}

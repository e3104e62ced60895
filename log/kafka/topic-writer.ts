import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { KafkaOptions, Sending, TopicSender } from './client/port.ts'
import { outgoingMessage, partitionOf } from './message.ts'
import { PartitionHealth } from './partition-health.ts'
import { Resend, type ResendOutcome } from './resend.ts'
import type { SendError } from './client/send-error.ts'
import type { Spill } from './spill.ts'
import { TopicProducer } from './client/topic-producer.ts'
import { REPAIR_COMMAND } from './topics.ts'
import type { SpillReason, WriterStats } from './writer-stats.ts'

export interface TopicWriterOptions {
  readonly stream: Stream
  /** The topic's name on Kafka. */
  readonly name: string
  readonly kafka: KafkaOptions
  readonly partitions: number
  readonly spill: Spill
  readonly stats: WriterStats
  /** Requests a refresh of the topics' partition counts. */
  readonly refresh: () => void
  readonly logger: Logger
}

/** A live send without an answer goes to the spill after this time; one from the spill is given up later, since nobody waits for it. */
const ACK_WITHIN_MS = 1000
const RESEND_WITHIN_MS = 3000
/** Sends of a topic in flight at once, and their bytes; beyond them batches go to the spill. A hanging send counts until it ends. */
const MAX_SENDS = 64
const MAX_SEND_BYTES = 32 * 2 ** 20
/**
 * Identities of spilled batches that Kafka acknowledged late, so that they are not resent. Beyond this number they are sent twice, and
 * stored once.
 */
const MAX_LATE = 10_000
/** A lower number of partitions is believed after this time. */
const FEWER_AFTER_MS = 10_000
const LOG_EVERY_MS = 10_000

/** Writes one topic to Kafka, or to the spill. */
export class TopicWriter {
  readonly #options: TopicWriterOptions
  readonly #producer: TopicSender
  readonly #health: PartitionHealth
  readonly #resend: Resend
  readonly #late = new Set<string>()
  readonly #appends = new Set<Promise<void>>()
  #sends = 0
  #sendBytes = 0
  /** Live sends, which requests wait for. */
  #live = 0
  #loggedAt = -Infinity
  #troubled = false
  #fewer: { count: number; since: number } | null = null

  constructor(options: TopicWriterOptions) {
    this.#options = options
    this.#producer = new TopicProducer(options.kafka, options.name)
    this.#health = new PartitionHealth(options.partitions)
    this.#resend = new Resend(
      options.stream,
      options.spill,
      {
        partition: (batch) => this.#partition(partitionOf(batch.batchId)),
        resend: (partition, batches) => this.#resendBatches(partition, batches),
        busy: () => this.#live > 0,
      },
      options.logger,
    )
  }

  /** Connects, or starts trying to, and resends the spill. */
  async open(): Promise<void> {
    await this.#producer.open()
    this.#resend.start()
  }

  get spillHolds(): boolean {
    return this.#resend.waiting
  }

  get inFlight(): number {
    return this.#sends
  }

  get partitions(): number {
    return this.#health.count
  }

  get failingPartitions(): number {
    return this.#health.failing
  }

  /** @returns whether the number has changed and is believed */
  resize(count: number): boolean {
    if (count === this.#health.count) {
      this.#fewer = null
      return false
    }
    const now = performance.now()
    if (count < this.#health.count && !this.#confirmed(count, now)) return false
    this.#fewer = null
    this.#options.logger.info(
      { event: 'kafka.partitions_changed', topic: this.#options.name, count },
      'Kafka writer: the number of partitions of the topic changed',
    )
    this.#health.resize(count)
    // The producer's metadata of the topic is outdated.
    this.#producer.distrust()
    return true
  }

  /** A broker that does not know new partitions yet answers like one whose topic was created again with fewer: only time tells. */
  #confirmed(count: number, now: number): boolean {
    if (this.#fewer?.count !== count) this.#fewer = { count, since: now }
    return now - this.#fewer.since >= FEWER_AFTER_MS
  }

  noticeSpill(): void {
    this.#resend.notice()
  }

  nextPartition(): number {
    return this.#health.rotate(performance.now())
  }

  /** Resolves when the batch is in Kafka or in the spill. @throws GatepostError LOG_FULL, LOG_OUTCOME_UNKNOWN */
  append(batch: Batch, identityPartition: number): Promise<void> {
    this.#options.stats.appended++
    const appended = this.#append(batch, this.#partition(identityPartition)).finally(() =>
      this.#appends.delete(appended),
    )
    this.#appends.add(appended)
    return appended
  }

  /** Finishes appends and stops the resend loop. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#appends)
    await this.#resend.close()
  }

  disconnect(): Promise<void> {
    return this.#producer.close()
  }

  async #append(batch: Batch, partition: number): Promise<void> {
    const { stats } = this.#options
    if (this.#sends >= MAX_SENDS || this.#sendBytes + batch.records.length > MAX_SEND_BYTES)
      return this.#toSpill(batch, 'busy', null)
    if (!this.#health.allows(partition, performance.now())) return this.#toSpill(batch, 'circuit', null)
    const sending = this.#producer.send(partition, [outgoingMessage(batch)])
    const sent = this.#outcome(sending, partition)
    this.#live++
    const outcome = await first(sent, ACK_WITHIN_MS)
    this.#live--
    if (outcome === 'acked') {
      stats.acked++
      return
    }
    if (outcome !== 'late') return this.#toSpill(batch, 'failed', outcome.nothingAppended ? null : sent)
    this.#failed(partition, new Error(`no acknowledgement within ${ACK_WITHIN_MS} ms`))
    if (sending.withdraw()) return this.#toSpill(batch, 'timeout', null)
    this.#expectLate(sent, [batch])
    return this.#toSpill(batch, 'timeout', sent)
  }

  /** Never rejects. Updates the partition's health. */
  async #outcome({ acknowledged, bytes }: Sending, partition: number): Promise<'acked' | SendError> {
    this.#sends++
    this.#sendBytes += bytes
    try {
      await acknowledged
      this.#worked(partition)
      return 'acked'
    } catch (error) {
      const failure = error as SendError
      this.#failed(partition, failure)
      return failure
    } finally {
      this.#sends--
      this.#sendBytes -= bytes
    }
  }

  /** @param sent the batch's send, which may still be acknowledged; null: nothing of the batch is in Kafka, and nothing ever will be */
  async #toSpill(batch: Batch, reason: SpillReason, sent: Promise<'acked' | SendError> | null): Promise<void> {
    const { spill, stats } = this.#options
    try {
      await spill.append(batch)
      stats.spilled[reason]++
      this.#resend.notice()
    } catch (error) {
      const outcome = sent === null ? null : await sent
      if (outcome === 'acked') {
        stats.acked++
        return
      }
      stats.refused++
      throw this.#refusal(error, outcome === null || outcome.nothingAppended)
    }
  }

  #refusal(error: unknown, nothingInKafka: boolean): GatepostError {
    const code = error instanceof GatepostError ? error.code : 'LOG_OUTCOME_UNKNOWN'
    const why = `Kafka does not accept records (${this.#options.stats.lastError ?? 'too many are in flight'}), and neither does the spill: ${messageOf(error)}`
    if (code === 'LOG_CLOSED') return new GatepostError('LOG_CLOSED', 'the record log is closed', error)
    if (code === 'LOG_OUTCOME_UNKNOWN' || !nothingInKafka) return new GatepostError('LOG_OUTCOME_UNKNOWN', why, error)
    return new GatepostError('LOG_FULL', why, error)
  }

  /** Spilled batches whose send is still in flight: if it is acknowledged after all, they need not be resent. */
  #expectLate(sent: Promise<'acked' | SendError>, batches: readonly Batch[]): void {
    // Copy the ids: the buffers are reused by then.
    const ids = batches.map(({ batchId }) => batchId.toString('hex'))
    void sent.then((result) => {
      if (result !== 'acked') return
      this.#options.stats.late += ids.length
      for (const id of ids) if (this.#late.size < MAX_LATE) this.#late.add(id)
    })
  }

  async #resendBatches(partition: number, batches: readonly Batch[]): Promise<ResendOutcome> {
    const { stats } = this.#options
    const missing = batches.filter(({ batchId }) => !this.#late.has(batchId.toString('hex')))
    if (missing.length > 0) {
      const sending = this.#producer.send(partition, missing.map(outgoingMessage))
      const sent = this.#outcome(sending, partition)
      const outcome = await first(sent, RESEND_WITHIN_MS)
      if (outcome === 'late') {
        this.#failed(partition, new Error(`no acknowledgement within ${RESEND_WITHIN_MS} ms`))
        if (!sending.withdraw()) this.#expectLate(sent, missing)
        return 'partition'
      }
      if (outcome !== 'acked') return outcome.tooLarge ? 'size' : 'partition'
    }
    stats.resent += batches.length
    for (const { batchId } of batches) this.#late.delete(batchId.toString('hex'))
    return 'acked'
  }

  /**
   * The partition to send a batch to, from its identity. If the topic was created again with fewer partitions, any other will do, since no
   * earlier copy exists that the look-up would have to meet.
   */
  #partition(identityPartition: number): number {
    return identityPartition % this.#health.count
  }

  #worked(partition: number): void {
    if (!this.#health.succeeded(partition) || this.#health.failing > 0) return
    this.#troubled = false
    this.#options.logger.info(
      { event: 'kafka.writes_accepted', topic: this.#options.name },
      'Kafka writer: Kafka accepts records again',
    )
  }

  #failed(partition: number, error: Error | SendError): void {
    const { stats, name, logger, refresh } = this.#options
    const now = performance.now()
    if (!('tooLarge' in error && error.tooLarge)) this.#health.failed(partition, now)
    stats.lastError = error.message
    stats.lastErrorAt = Date.now()
    const misconfigured = 'misconfigured' in error && error.misconfigured
    if (!('connectionIsFine' in error)) this.#producer.distrust()
    refresh()
    if (this.#troubled && now - this.#loggedAt < LOG_EVERY_MS) return
    this.#troubled = true
    this.#loggedAt = now
    const help = misconfigured ? `; to repair: ${REPAIR_COMMAND}` : ''
    logger.error(
      { event: 'kafka.writes_refused', topic: name, partition, error: error.message },
      `Kafka writer: ${name} does not accept records, they go to the spill: ${error.message}${help}`,
    )
  }
}

/** The promise's result, or 'late'. */
async function first<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), ms)))
  const outcome = await Promise.race([promise, late])
  clearTimeout(timer)
  return outcome
}

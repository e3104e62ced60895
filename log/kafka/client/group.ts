import type { Consumer } from 'kafkajs'
import { Backoff } from '../../../common/backoff.ts'
import { messageOf } from '../../../common/errors.ts'
import { within } from '../../../common/within.ts'
import { createKafka } from './connection.ts'
import { deliveryOf } from './delivery.ts'
import { asRequest } from './errors.ts'
import type { GroupListener, GroupMember, GroupOptions } from './port.ts'

/** A member that says nothing for so long is taken out of the group. */
const SESSION_TIMEOUT_MS = 10_000
const HEARTBEAT_INTERVAL_MS = 2000
const REBALANCE_TIMEOUT_MS = 20_000
/** A fetch waits for data no longer: a partition that is resumed is fetched again after this. */
const FETCH_WAIT_MS = 250
/** Longer than the session timeout: when the leader has died before it shared the partitions out, the answer comes after that. */
const REQUEST_TIMEOUT_MS = 12_000
/**
 * A member that neither fetches nor beats for so long is replaced, and one that fetches and does not beat: kafkajs counts the
 * interval of heartbeats by the wall clock. After that was set back it sends none, and reads on as a member that the group has given up.
 */
const SILENT_AFTER_MS = REBALANCE_TIMEOUT_MS + SESSION_TIMEOUT_MS
/**
 * A consumer that joins is silent until the group has settled, which waits for every member that has died meanwhile, one after the
 * other. Who gives up earlier leaves one more that is waited for.
 */
const JOINING_MAX_MS = 4 * (REBALANCE_TIMEOUT_MS + SESSION_TIMEOUT_MS)
/** What is not answered by then may be done all the same: an offset is committed again by whoever stores on. */
const COMMIT_WITHIN_MS = 30_000
const RESTART_FIRST_MS = 500
const RESTART_MAX_MS = 5000
const DISCONNECT_WITHIN_MS = 5000

/**
 * Membership of a consumer group that lasts: whatever ends a kafkajs consumer, a new one takes its place. kafkajs restarts by itself only
 * after errors that it calls retriable, and may stop without an event.
 */
export class Group implements GroupMember {
  readonly #options: GroupOptions
  readonly #listener: GroupListener
  #consumer: Consumer | null = null
  /** Settled when the consumer has joined for the first time, or has failed to. */
  #started: Promise<void> = Promise.resolve()
  /** The member that has been told its partitions; null: it joins. kafkajs may lose the answer, and go on as a member all the same. */
  #toldAs: string | null = null
  /** When it last sent a heartbeat; while it joins, when it began to. */
  #beatAt = 0
  readonly #restartBackoff = new Backoff(RESTART_FIRST_MS, RESTART_MAX_MS)
  #restartTimer: NodeJS.Timeout | null = null
  readonly #watchdog: NodeJS.Timeout
  #stopped = false
  restarts = 0

  constructor(options: GroupOptions, listener: GroupListener) {
    this.#options = options
    this.#listener = listener
    this.#watchdog = setInterval(() => this.#watch(), 1000)
    this.#watchdog.unref()
  }

  async start(): Promise<void> {
    const { groupId, fetchMaxBytes, partitionMaxBytes, kafka } = this.#options
    const consumer = createKafka(kafka, {
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 2000 },
    }).consumer({
      groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_INTERVAL_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: fetchMaxBytes,
      maxBytesPerPartition: partitionMaxBytes,
      metadataMaxAge: 30_000,
      allowAutoTopicCreation: false,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 2000, restartOnFailure: () => Promise.resolve(false) },
    })
    this.#consumer = consumer
    this.#joins()
    this.#listen(consumer)
    this.#started = asRequest(() => this.#join(consumer))
    await this.#started
  }

  #listen(consumer: Consumer): void {
    const { events } = consumer
    consumer.on(events.HEARTBEAT, ({ payload: { memberId } }) => {
      if (this.#consumer !== consumer) return
      if (memberId !== this.#toldAs) return this.#restart('the consumer continues without its partitions')
      this.#beatAt = performance.now()
    })
    consumer.on(events.REBALANCING, () => {
      if (this.#consumer !== consumer) return
      this.#joins()
      this.#listener.revoked()
    })
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      if (this.#consumer !== consumer) return
      this.#toldAs = payload.memberId
      this.#beatAt = performance.now()
      this.#restartBackoff.reset()
      this.#listener.assigned(new Map(Object.entries(payload.memberAssignment)))
    })
    consumer.on(events.CRASH, ({ payload }) => {
      if (this.#consumer === consumer) this.#restart(messageOf(payload.error))
    })
  }

  async #join(consumer: Consumer): Promise<void> {
    await consumer.connect()
    await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => {
        const { batch } = payload
        const taken = this.#consumer === consumer && this.#listener.deliver(deliveryOf(batch))
        if (taken) payload.resolveOffset(batch.lastOffset())
        return Promise.resolve()
      },
    })
  }

  #joins(): void {
    this.#toldAs = null
    this.#beatAt = performance.now()
  }

  follow(): void {
    this.start().catch((error: unknown) => this.#restart(messageOf(error)))
  }

  pause(topic: string, partition: number): void {
    this.#consumer?.pause([{ topic, partitions: [partition] }])
  }

  resume(topic: string, partition: number): void {
    this.#consumer?.resume([{ topic, partitions: [partition] }])
  }

  seek(topic: string, partition: number, offset: number): void {
    this.#consumer?.seek({ topic, partition, offset: String(offset) })
  }

  async commit(topic: string, partition: number, offset: number, metadata: string): Promise<void> {
    const committed = this.#consumer?.commitOffsets([{ topic, partition, offset: String(offset), metadata }])
    await asRequest(() => within(COMMIT_WITHIN_MS, Promise.resolve(committed)))
  }

  rejoin(reason: string): void {
    if (this.#consumer !== null) this.#restart(reason)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#watchdog)
    if (this.#restartTimer) clearTimeout(this.#restartTimer)
    await this.#dispose()
  }

  #watch(): void {
    if (this.#consumer === null || this.#restartTimer !== null) return
    const silentFor = performance.now() - this.#beatAt
    if (silentFor > JOINING_MAX_MS) this.#restart('the consumer group does not finish rebalancing')
    else if (silentFor > SILENT_AFTER_MS && this.#toldAs !== null)
      this.#restart('the consumer has stopped sending heartbeats')
  }

  #restart(reason: string): void {
    if (this.#stopped || this.#restartTimer !== null) return
    this.restarts++
    const delay = Math.round(this.#restartBackoff.next())
    this.#options.logger.warn({ reason, delay }, 'Kafka consumer: restarting')
    this.#listener.revoked()
    void this.#dispose()
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = null
      this.follow()
    }, delay)
  }

  /**
   * A consumer whose broker is away may never be done with leaving. One that is told to disconnect while it joins joins all the same
   * (kafkajs's consumer/index.js forgets the runner, and nothing ends that): a member with partitions that nobody listens to.
   */
  async #dispose(): Promise<void> {
    const consumer = this.#consumer
    this.#consumer = null
    if (consumer === null) return
    const left = this.#started.catch(() => {}).then(() => consumer.disconnect())
    await within(DISCONNECT_WITHIN_MS, left).catch(() => {})
  }
}

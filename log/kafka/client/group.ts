import type { Batch, Consumer, Kafka } from 'kafkajs'
import { Backoff } from '../../../common/backoff.ts'
import { messageOf } from '../../../common/errors.ts'
import { within } from '../../../common/within.ts'
import { createKafka, endClient } from './connection.ts'
import { asRequest } from './errors.ts'
import type { Delivery, GroupListener, GroupMember, GroupOptions } from './port.ts'

/** A member that sends no heartbeat for this long is removed from the group. */
const SESSION_TIMEOUT_MS = 10_000
const HEARTBEAT_INTERVAL_MS = 2000
const REBALANCE_TIMEOUT_MS = 20_000
/** A fetch waits at most this long for data, so a resumed partition is fetched again after this time. */
const FETCH_WAIT_MS = 250
/** Longer than the session timeout: if the leader dies before it has assigned the partitions, the answer arrives after that timeout. */
const REQUEST_TIMEOUT_MS = 12_000
/**
 * A consumer that neither fetches nor sends heartbeats for this long is replaced, and so is one that fetches without sending heartbeats:
 * kafkajs measures the heartbeat interval by the wall clock. After the clock was set back it sends none, and keeps reading although the
 * group has removed it.
 */
const SILENT_AFTER_MS = REBALANCE_TIMEOUT_MS + SESSION_TIMEOUT_MS
/**
 * A joining consumer sends nothing until the rebalance is over, which waits for every member that died meanwhile, one after the other.
 * Giving up earlier would add one more dead member to wait for.
 */
const JOINING_MAX_MS = 4 * (REBALANCE_TIMEOUT_MS + SESSION_TIMEOUT_MS)
/** Time limit for a commit. A commit without an answer may still take effect; the offset is committed again with the next gather. */
const COMMIT_WITHIN_MS = 30_000
const RESTART_FIRST_MS = 500
const RESTART_MAX_MS = 5000
const DISCONNECT_WITHIN_MS = 5000

/**
 * A permanent membership of a consumer group: when a kafkajs consumer ends for any reason, a new one replaces it. kafkajs itself restarts
 * only after errors that it calls retriable, and may stop without an event.
 */
export class Group implements GroupMember {
  readonly #options: GroupOptions
  readonly #listener: GroupListener
  #client: Kafka | null = null
  #consumer: Consumer | null = null
  /** Settled when the consumer has joined for the first time, or failed to. */
  #started: Promise<void> = Promise.resolve()
  /** Id of the member that has received its assignment; null: joining. kafkajs may lose the answer and still continue as a member. */
  #toldAs: string | null = null
  /**
   * Since when the member has joined again without a word, and waits for its assignment; null: it does not. kafkajs's consumerGroup.js does so
   * after errors of stale metadata: if the answer is lost then, it goes on reading what it had before, under the same id.
   */
  #joinedAgainAt: number | null = null
  /** Time of the last heartbeat; while joining, the time when joining began. */
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
    const client = createKafka(kafka, {
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 2000 },
    })
    const consumer = client.consumer({
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
    this.#client = client
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
      if (memberId !== this.#toldAs || this.#answerIsLost())
        return this.#restart('the consumer continues without its partitions')
      this.#beatAt = performance.now()
    })
    consumer.on(events.REQUEST, ({ payload: { apiName } }) => {
      if (this.#consumer !== consumer || apiName !== 'JoinGroup' || this.#toldAs === null) return
      this.#joinedAgainAt ??= performance.now()
    })
    consumer.on(events.REBALANCING, () => {
      if (this.#consumer !== consumer) return
      this.#joins()
      this.#listener.revoked()
    })
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      if (this.#consumer !== consumer) return
      this.#toldAs = payload.memberId
      this.#joinedAgainAt = null
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

  /** The members' heartbeats go on while they join again. */
  #answerIsLost(): boolean {
    return this.#joinedAgainAt !== null && performance.now() - this.#joinedAgainAt > REQUEST_TIMEOUT_MS
  }

  #joins(): void {
    this.#toldAs = null
    this.#joinedAgainAt = null
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
    this.#options.logger.warn({ event: 'kafka.consumer_restarting', reason, delay }, 'Kafka consumer: restarting')
    this.#listener.revoked()
    void this.#dispose()
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = null
      this.follow()
    }, delay)
  }

  /**
   * A consumer whose broker is down may never finish leaving. A consumer that is disconnected while it joins still joins (kafkajs's
   * consumer/index.js forgets the runner, so nothing ends it): the group then has a member whose partitions nobody reads.
   */
  async #dispose(): Promise<void> {
    const [client, consumer] = [this.#client, this.#consumer]
    this.#consumer = null
    if (client === null || consumer === null) return
    const left = within(JOINING_MAX_MS, this.#started)
      .catch(() => {})
      .then(() => endClient(client, consumer, DISCONNECT_WITHIN_MS))
    await within(DISCONNECT_WITHIN_MS, left).catch(() => {})
  }
}

/** Converts a fetched batch of kafkajs into the port's type. */
function deliveryOf(batch: Batch): Delivery {
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

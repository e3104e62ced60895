import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { packageVersion } from '../common/package-root.ts'
import { AccessClaims } from './claims.ts'
import { AccessTable, subjectOf } from './table.ts'
import { decodeAccessEntry, encodeAccessEntry, MAX_SUBJECTS, type AccessEntry, type AccessLog } from './log.ts'
import { withAdmin } from '../log/kafka/client/admin.ts'
import { Group } from '../log/kafka/client/group.ts'
import { KeyedWriter } from '../log/kafka/client/keyed-writer.ts'
import type { Delivery, KafkaOptions } from '../log/kafka/client/port.ts'
import { accessControlTopic } from '../log/kafka/topic-names.ts'

/*
 * The access-control topic: compacted, keyed by subject, one partition. Beside the entries of access/log.ts it holds
 *
 *   barrier:<random>        written by a reader that wants to know when it has read everything; removed again
 *   secret:<fingerprint>    of the token key of this installation: the first one counts; its value is {"format", "gatepost"}: the format of
 *                           the records and the version that wrote it, of 0.1.0 {}, which is format 1
 */

export interface AccessLogOptions {
  readonly kafka: KafkaOptions
  readonly topicPrefix: string
  /** Of this process's token keys, the one that signs first; see secretFingerprint(). None: it neither issues tokens nor checks them. */
  readonly fingerprints: readonly string[]
  readonly logger: Logger
}

/** Raised when versions before could not decide from the records any more. */
const FORMAT = 1
const versionSchema = z.object({ format: z.number().int().positive().default(1), gatepost: z.string().optional() })

const SECRET_VALUE = Buffer.from(JSON.stringify({ format: FORMAT, gatepost: packageVersion() }))

const BARRIER = 'barrier:'
const SECRET = 'secret:'
const RETRY_MS = 1000
const DAY_MS = 24 * 3_600_000
const SWEEP_MS = 3_600_000
const SWEEP_RECORDS = 1000
const FETCH_MAX_BYTES = 4 * 2 ** 20

/** The access-control topic as one process follows it. */
export class KafkaAccessLog implements AccessLog {
  /** Entries that are none, since the start. */
  malformed = 0
  readonly #options: AccessLogOptions
  readonly #topic: string
  readonly #group: Group
  readonly #groupId = `gatepost-access-${randomBytes(8).toString('hex')}`
  readonly #writer: KeyedWriter
  /** What decisions are made from. */
  #entries: AccessTable | null = null
  /** What is being read, from the log's beginning. */
  #reading = new AccessTable()
  readonly #claims = new AccessClaims()
  readonly #listeners: ((subject: string) => void)[] = []
  /** Fingerprints in the order of the log. */
  #secrets = new Set<string>()
  /** Why this version cannot decide from the topic: a later one writes it. */
  #later: string | null = null
  #barrier: string | null = null
  #next: number | null = null
  #closed = false
  readonly #sweeper: NodeJS.Timeout
  #settle: { resolve: () => void; reject: (error: unknown) => void } | null = null
  /**
   * Resolves when everything has been read for the first time.
   * @throws GatepostError CONFIG_INVALID: the installation has another token key; DATA_FORMAT_LATER
   */
  readonly ready: Promise<void>

  private constructor(options: AccessLogOptions) {
    this.#options = options
    this.#topic = accessControlTopic(options.topicPrefix)
    this.#writer = new KeyedWriter(options.kafka, this.#topic)
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // Whoever does not wait for it is not told.
    this.ready.catch(() => {})
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS)
    this.#sweeper.unref()
    this.#group = new Group(
      {
        kafka: options.kafka,
        groupId: this.#groupId,
        topics: [this.#topic],
        fetchMaxBytes: FETCH_MAX_BYTES,
        partitionMaxBytes: FETCH_MAX_BYTES,
        logger: options.logger,
      },
      {
        assigned: () => this.#begin(),
        revoked: () => (this.#barrier = null),
        deliver: (delivery) => this.#deliver(delivery),
      },
    )
  }

  /** Begins to read, also while no broker answers: it goes on until one does. */
  static open(options: AccessLogOptions): KafkaAccessLog {
    const log = new KafkaAccessLog(options)
    log.#group.follow()
    return log
  }

  get known(): boolean {
    return this.#entries !== null
  }

  get size(): number {
    return this.#reading.size
  }

  get(subject: string, now: number): AccessEntry | undefined {
    return this.#entries?.get(subject, now)
  }

  entries(prefix: string, now: number): Iterable<readonly [string, AccessEntry]> {
    return this.#entries?.entries(prefix, now) ?? []
  }

  async put(subject: string, entry: AccessEntry | null): Promise<void> {
    if (entry !== null) return this.#write(subject, encodeAccessEntry(entry))
    for (const key of this.#reading.keysOf(subject)) await this.#write(key, null)
  }

  async claim(subject: string, entry: AccessEntry): Promise<AccessEntry> {
    const before = this.get(subject, entry.updatedAt)
    if (before !== undefined) return before
    await this.#claims.make(subject, entry, (key, claim) => this.#write(key, encodeAccessEntry(claim)))
    return this.get(subject, entry.updatedAt) ?? entry
  }

  watch(listener: (subject: string) => void): void {
    for (const subject of this.#reading.subjects()) listener(subject)
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweeper)
    await this.#group.stop()
    await this.#writer.close()
    await this.#forgetGroup()
  }

  /** From the beginning: what was deleted and compacted away meanwhile would stay otherwise. */
  #begin(): void {
    this.#reading = new AccessTable()
    this.#secrets = new Set()
    this.#next = null
    void this.#raiseBarrier()
  }

  async #raiseBarrier(): Promise<void> {
    const barrier = BARRIER + randomBytes(8).toString('hex')
    this.#barrier = barrier
    while (this.#barrier === barrier && !this.#closed) {
      try {
        return await this.#write(barrier, Buffer.from('{}'))
      } catch (error) {
        this.#options.logger.warn(
          { topic: this.#topic, error: messageOf(error) },
          'access log: cannot write to Kafka; retrying',
        )
        await sleep(RETRY_MS)
      }
    }
  }

  #deliver({ fetchedOffset, messages, next }: Delivery): boolean {
    if (this.#next !== null && fetchedOffset !== this.#next) {
      // The topic was made anew, or shortened.
      this.#options.logger.error(
        { topic: this.#topic, expected: this.#next, fetchedOffset },
        'access log: Kafka delivered an unexpected offset; reading the topic again from its beginning',
      )
      this.#begin()
    }
    for (const { key, value } of messages) this.#apply(key?.toString('utf8') ?? '', value)
    this.#next = next
    return true
  }

  #apply(key: string, value: Buffer | null): void {
    if (key.startsWith(BARRIER)) {
      if (key === this.#barrier && value !== null) this.#passed(key)
    } else if (key.startsWith(SECRET)) {
      const fingerprint = key.slice(SECRET.length)
      if (value === null) this.#secrets.delete(fingerprint)
      else {
        this.#secrets.add(fingerprint)
        this.#noticeFormat(value)
      }
    } else {
      const entry = value === null ? null : decodeAccessEntry(value)
      if (value !== null && entry === null) {
        this.malformed++
        this.#options.logger.error(
          { topic: this.#topic, subject: key },
          'access log: a message is not a decision; skipping it',
        )
      } else this.#reading.apply(key, entry)
      this.#claims.seen(key)
      for (const listener of this.#listeners) listener(subjectOf(key))
    }
    if (this.#reading.full && this.#entries !== null) {
      this.#entries = null
      this.#options.logger.error(
        { topic: this.#topic, subjects: MAX_SUBJECTS },
        'access log: more subjects than fit into memory; new ones are ignored',
      )
    }
  }

  #noticeFormat(value: Buffer): void {
    const version = versionSchema.safeParse(jsonOf(value))
    if (!version.success || version.data.format <= FORMAT) return
    const { format, gatepost = 'a later version' } = version.data
    this.#later =
      `${this.#topic} has format ${format} and was written by Gatepost ${gatepost}; this is ${packageVersion()}, which reads up to ${FORMAT}: ` +
      `install ${gatepost} or later`
    // Of a process that runs: it goes on answering, without decisions.
    this.#entries = null
    this.#options.logger.fatal({ topic: this.#topic }, this.#later)
  }

  /** Everything that was written before the barrier has been read. */
  #passed(barrier: string): void {
    this.#barrier = null
    void this.#write(barrier, null).catch(() => {})
    const { logger } = this.#options
    const { fingerprints } = this.#options
    if (this.#later !== null) {
      this.#settle?.reject(new GatepostError('DATA_FORMAT_LATER', this.#later))
      return
    }
    if (fingerprints.length > 0 && !this.#hasTheKey(fingerprints)) return
    if (this.#reading.full) return
    this.#entries = this.#reading
    this.#settle?.resolve()
    logger.info(
      { topic: this.#topic, subjects: this.#reading.size },
      'access log: read to its end; decisions are in force',
    )
  }

  /** Whether this process's token key is the installation's; else it has said so, or asks again. */
  #hasTheKey([own, ...others]: readonly string[]): boolean {
    const { logger } = this.#options
    const [first] = this.#secrets
    if (first === undefined) {
      // The first process of the installation. Another one may be doing the same: whose record comes first is read back.
      void this.#write(SECRET + own, SECRET_VALUE)
        .catch(() => {})
        .then(() => this.#raiseBarrier())
      return false
    }
    if (others.includes(first)) void this.#succeed(first, own)
    else if (first !== own) {
      if (this.#secrets.has(own)) void this.#write(SECRET + own, null).catch(() => {})
      const message =
        'GATEPOST_SECRET differs from the secret of this installation: set the same value for every process'
      logger.fatal({ topic: this.#topic }, message)
      this.#settle?.reject(new GatepostError('CONFIG_INVALID', message))
      return false
    }
    return true
  }

  async #write(key: string, value: Buffer | null): Promise<void> {
    try {
      await this.#writer.write(key, value)
    } catch (error) {
      throw new GatepostError('LOG_UNAVAILABLE', `cannot write to ${this.#topic}: ${messageOf(error)}`, error)
    }
  }

  /** This process signs with another key than the installation did, and knows that one too: from now on this one counts. */
  async #succeed(before: string, own: string): Promise<void> {
    try {
      await this.#write(SECRET + own, SECRET_VALUE)
      await this.#write(SECRET + before, null)
      this.#options.logger.info({ topic: this.#topic }, 'access log: recorded the new token key')
    } catch {
      // The next process that starts with the new key does it.
    }
  }

  /** Records that ended long ago are taken back, some at a time, so that the topic does not grow with every session. */
  async #sweep(): Promise<void> {
    let left = SWEEP_RECORDS
    for (const key of [...this.#reading.endedBefore(Date.now() - DAY_MS)]) {
      if (left-- === 0 || this.#closed) return
      await this.#write(key, null).catch(() => (left = 0))
    }
  }

  /** Nobody else is ever in it. */
  async #forgetGroup(): Promise<void> {
    try {
      await withAdmin(this.#options.kafka, (admin) => admin.deleteGroup(this.#groupId))
    } catch {
      // The broker forgets an empty group by itself after a while.
    }
  }
}

function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'))
  } catch {
    return null
  }
}

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { packageVersion } from '../common/package-root.ts'
import { AccessClaims } from './claims.ts'
import { AccessTable, subjectOf } from './table.ts'
import {
  decodeAccessEntry,
  encodeAccessEntry,
  ENDED_KEPT_MS,
  MAX_SUBJECTS,
  type AccessEntry,
  type AccessLog,
} from './log.ts'
import { withAdmin } from '../log/kafka/client/admin.ts'
import { Group } from '../log/kafka/client/group.ts'
import { KeyedWriter } from '../log/kafka/client/keyed-writer.ts'
import type { Delivery, KafkaOptions } from '../log/kafka/client/port.ts'
import { accessControlTopic } from '../log/kafka/topic-names.ts'

/*
 * The access-control topic: compacted, keyed by subject, one partition. Besides the entries of access/log.ts it holds
 *
 *   barrier:<random>       written by a reader to find out when it has read to the end; deleted afterwards
 *   secret:<fingerprint>   fingerprint of the installation's token key: the first one wins. Its value is {"format", "gatepost"}: the
 *                          format of the records and the version that wrote it; 0.1.0 wrote {}, which means format 1
 */

export interface AccessLogOptions {
  readonly kafka: KafkaOptions
  readonly topicPrefix: string
  /**
   * Fingerprints of this process's token keys, the signing key first; see secretFingerprint(). Empty: it neither issues nor verifies tokens.
   */
  readonly fingerprints: readonly string[]
  readonly logger: Logger
}

/** Increment when earlier versions can no longer decide from the records. */
const FORMAT = 1
const versionSchema = z.object({ format: z.number().int().positive().default(1), gatepost: z.string().optional() })

const SECRET_VALUE = Buffer.from(JSON.stringify({ format: FORMAT, gatepost: packageVersion() }))

const BARRIER = 'barrier:'
const SECRET = 'secret:'
const RETRY_MS = 1000
const SWEEP_MS = 3_600_000
const SWEEP_RECORDS = 1000
const FETCH_MAX_BYTES = 4 * 2 ** 20

/** The access log of one process: it reads the access-control topic and writes to it. */
export class KafkaAccessLog implements AccessLog {
  /** Invalid entries since the start. */
  malformed = 0
  readonly #options: AccessLogOptions
  readonly #topic: string
  readonly #group: Group
  readonly #groupId = `gatepost-access-${randomBytes(8).toString('hex')}`
  readonly #writer: KeyedWriter
  /** The table that decisions are made from; null: not read to the end yet. */
  #entries: AccessTable | null = null
  /** The table that is being filled, starting at the beginning of the log. */
  #reading = new AccessTable()
  readonly #claims = new AccessClaims()
  readonly #listeners: ((subject: string) => void)[] = []
  /** Fingerprints in log order. */
  #secrets = new Set<string>()
  /** Set when a later version wrote the topic in a format that this version cannot decide from. */
  #later: string | null = null
  #barrier: string | null = null
  #next: number | null = null
  #closed = false
  readonly #sweeper: NodeJS.Timeout
  #settle: { resolve: () => void; reject: (error: unknown) => void } | null = null
  /**
   * Resolves when the topic has been read to its end for the first time.
   * @throws GatepostError CONFIG_INVALID: the installation has another token key; DATA_FORMAT_LATER
   */
  readonly ready: Promise<void>

  private constructor(options: AccessLogOptions) {
    this.#options = options
    this.#topic = accessControlTopic(options.topicPrefix)
    this.#writer = new KeyedWriter(options.kafka, this.#topic)
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }))
    // Prevents an unhandled rejection when nobody awaits `ready`.
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

  /** Starts reading. Keeps retrying while no broker answers. */
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

  /** Starts at the beginning, because deleted and compacted records would otherwise stay in memory. */
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
          { event: 'access_log.write_failed', topic: this.#topic, error: messageOf(error) },
          'access log: cannot write to Kafka; retrying',
        )
        await sleep(RETRY_MS)
      }
    }
  }

  #deliver({ fetchedOffset, messages, next }: Delivery): boolean {
    if (this.#next !== null && fetchedOffset !== this.#next) {
      // The topic was created again, or truncated.
      this.#options.logger.error(
        { event: 'access_log.offset_unexpected', topic: this.#topic, expected: this.#next, fetchedOffset },
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
          { event: 'access_log.message_invalid', topic: this.#topic },
          'access log: a message is not a decision; skipping it',
        )
      } else this.#reading.apply(key, entry)
      this.#claims.seen(key)
      for (const listener of this.#listeners) listener(subjectOf(key))
    }
    if (this.#reading.full && this.#entries !== null) {
      this.#entries = null
      this.#options.logger.error(
        { event: 'access_log.full', topic: this.#topic, subjects: MAX_SUBJECTS },
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
    // The process keeps running and answering, but without decisions.
    this.#entries = null
    this.#options.logger.fatal({ event: 'access_log.version_later', topic: this.#topic }, this.#later)
  }

  /** All records written before the barrier have been read. */
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
      { event: 'access_log.known', topic: this.#topic, subjects: this.#reading.size },
      'access log: read to its end; decisions are in force',
    )
  }

  /** Whether this process has the installation's token key. If not, it has logged why or is reading again. */
  #hasTheKey([own, ...others]: readonly string[]): boolean {
    const { logger } = this.#options
    const [first] = this.#secrets
    if (first === undefined) {
      // This is the first process of the installation. Another process may do the same: the first record in the log wins.
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
      logger.fatal({ event: 'access_log.secret_unknown', topic: this.#topic }, message)
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

  /** This process signs with a new key and knows the old one too: the new key becomes the installation's. */
  async #succeed(before: string, own: string): Promise<void> {
    try {
      await this.#write(SECRET + own, SECRET_VALUE)
      await this.#write(SECRET + before, null)
      this.#options.logger.info(
        { event: 'access_log.secret_recorded', topic: this.#topic },
        'access log: recorded the new token key',
      )
    } catch {
      // The next process that starts with the new key repeats this.
    }
  }

  /** Deletes records that ended long ago, a few at a time, so that the topic does not grow with every session. */
  async #sweep(): Promise<void> {
    let left = SWEEP_RECORDS
    for (const key of [...this.#reading.endedBefore(Date.now() - ENDED_KEPT_MS)]) {
      if (left-- === 0 || this.#closed) return
      await this.#write(key, null).catch(() => (left = 0))
    }
  }

  /** No other process joins this group. */
  async #forgetGroup(): Promise<void> {
    try {
      await withAdmin(this.#options.kafka, (admin) => admin.deleteGroup(this.#groupId))
    } catch {
      // The broker removes an empty group itself after a while.
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

import { randomBytes } from 'node:crypto'
import type { Stream } from '../schemas/streams/index.ts'
import type { Batching, LogWriter } from '../log/contract.ts'
import { BATCH_SPAN_MS } from '../schemas/batch.ts'
import { GatepostError, type ErrorCode } from '../common/errors.ts'
import { BATCH_CAPACITY_BYTES, BATCH_MAX_RECORDS, RecordBatch } from './batch.ts'

/**
 * The batching for a log that states none: everything that arrives during a commit goes into the next one. A stream holds at most maxBatches
 * times BATCH_CAPACITY_BYTES in memory; beyond that, records are refused until the log has caught up.
 */
export const GROUP_COMMIT: Batching = { sealBytes: BATCH_CAPACITY_BYTES, maxInFlight: 1, maxBatches: 16 }

/**
 * A record that brings its identity along has a batch of its own: so many of a stream at once, of so many bytes each; more are refused. With
 * those of GROUP_COMMIT they are fewer than may wait for a journal.
 */
const LONE_BATCHES = 32
const LONE_CAPACITY_BYTES = 256 * 1024

/** Every record begins with received_at (6 bytes until the year 4199), batch_id and batch_index. */
const PREFIX_MAX_BYTES = 10 + 16 + 5

/** A request that waits longer is answered with "unknown". Gateways give up after about 30 s, RADIUS servers after a few seconds. */
export const DURABLE_WITHIN_MS = 2000

/** Why records are not kept, or not known to be: error codes of the record log. */
const NOT_KEPT_REASONS = [
  'LOG_FULL',
  'LOG_WRITE_REFUSED',
  'LOG_OUTCOME_UNKNOWN',
  'LOG_CLOSED',
  'LOG_UNAVAILABLE',
] as const satisfies ErrorCode[]

/** Counts of one stream in this process. */
export interface BatcherStats {
  records: number
  batches: number
  bytes: number
  refused: number
  /** Refusals and unknown outcomes, by error code. */
  readonly failures: Map<string, number>
  /** Batch sizes in records and commit latencies in seconds, as counts per bucket. */
  readonly sizeBuckets: number[]
  readonly commitBuckets: number[]
  commitSecondsSum: number
}

export const SIZE_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, BATCH_MAX_RECORDS]
export const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5]

function observe(bounds: readonly number[], counts: number[], value: number): void {
  let index = 0
  while (index < bounds.length && value > bounds[index]) index++
  counts[index]++
}

/** Issues the identities of this process's batches: a random 64-bit incarnation, the batch's partition (16 bits), a 48-bit sequence. */
export class BatchSequence {
  readonly incarnation = randomBytes(8)
  #next = 0

  write(target: Buffer, partition: number): void {
    this.incarnation.copy(target, 0)
    target.writeUInt16BE(partition, 8)
    target.writeUIntBE(this.#next++, 10, 6)
  }
}

/**
 * Puts the records of one stream into batches and appends them to the record log. Records that arrive while the log has as many appends in
 * flight as it wants go together into the next batch (group commit).
 */
export class StreamBatcher {
  readonly stream: Stream
  readonly stats: BatcherStats = {
    records: 0,
    batches: 0,
    bytes: 0,
    refused: 0,
    // From 0: a counter that is born with its first value has no increase then.
    failures: new Map(NOT_KEPT_REASONS.map((reason) => [reason, 0])),
    sizeBuckets: new Array<number>(SIZE_BUCKETS.length + 1).fill(0),
    commitBuckets: new Array<number>(COMMIT_BUCKETS.length + 1).fill(0),
    commitSecondsSum: 0,
  }
  readonly #log: LogWriter
  readonly #batching: Batching
  readonly #sequence: BatchSequence
  readonly #free: RecordBatch[] = []
  #made = 0
  #open: RecordBatch | null = null
  /** End of the last complete record in the open batch. */
  #recordEnd = 0
  #monthEnd = 0
  #inFlight = 0
  #scheduled = false
  readonly #prefix = Buffer.alloc(PREFIX_MAX_BYTES)
  #prefixLength = 0
  #prefixAt = -1
  #idle: (() => void)[] = []
  readonly #freeLone: RecordBatch[] = []
  #lone = 0

  constructor(stream: Stream, log: LogWriter, sequence: BatchSequence) {
    this.stream = stream
    this.#log = log
    this.#batching = log.batching ?? GROUP_COMMIT
    this.#sequence = sequence
  }

  /**
   * Starts a record of at most `maxBytes`, received at `now` (ms since the epoch), and writes its identity. The caller writes the other
   * fields to the batch's cursor and then calls end() or abandon(). Null: refused. Either nothing can be appended now, or the record does not
   * fit into a batch, which the limits of its fields (limits.ts) rule out.
   */
  begin(maxBytes: number, now: number): RecordBatch | null {
    if (maxBytes + PREFIX_MAX_BYTES > BATCH_CAPACITY_BYTES) {
      this.stats.refused++
      this.#count('RECORD_TOO_LARGE', 1)
      return null
    }
    let batch = this.#open
    if (batch !== null && this.#mustSeal(batch, maxBytes, now)) {
      if (batch.recordCount > 0) this.#seal(batch)
      else this.#free.push(batch)
      this.#open = batch = null
    }
    if (batch === null) {
      batch = this.#openBatch(now)
      if (batch === null) return null
    }
    const cursor = batch.cursor
    // Overwrites a record that was started and never ended because of an exception.
    cursor.position = this.#recordEnd
    if (now !== this.#prefixAt) this.#makePrefix(batch, now)
    const { bytes, position } = cursor
    for (let index = 0; index < this.#prefixLength; index++) bytes[position + index] = this.#prefix[index]
    cursor.position = position + this.#prefixLength
    cursor.uint(batch.recordCount)
    if (now > batch.maxReceivedAt) batch.maxReceivedAt = now
    return batch
  }

  end(batch: RecordBatch): void {
    batch.recordCount++
    this.#recordEnd = batch.cursor.position
    if (!this.#scheduled && this.#inFlight < this.#batching.maxInFlight) this.#schedule()
  }

  /**
   * As begin(), for a record whose identity comes with it, so that the same record sent twice is stored once: it has a batch of its own. The
   * caller then calls endLone() or abandonLone().
   * @param receivedAt ms since the epoch; the same whenever the record is sent
   * @param identity 16 bytes; the same too
   */
  beginLone(maxBytes: number, receivedAt: number, identity: Buffer): RecordBatch | null {
    const free = this.#freeLone.pop()
    if (maxBytes + PREFIX_MAX_BYTES > LONE_CAPACITY_BYTES || (free === undefined && this.#lone === LONE_BATCHES)) {
      if (free !== undefined) this.#freeLone.push(free)
      this.stats.refused++
      this.#count(free === undefined ? 'LOG_BUSY' : 'RECORD_TOO_LARGE', 1)
      return null
    }
    if (free === undefined) this.#lone++
    const batch = free ?? new RecordBatch(this.stream, LONE_CAPACITY_BYTES)
    batch.reset()
    identity.copy(batch.batchId)
    batch.minReceivedAt = receivedAt
    batch.maxReceivedAt = receivedAt
    const { cursor } = batch
    cursor.uint(receivedAt)
    cursor.position += identity.copy(cursor.bytes, cursor.position)
    cursor.uint(0)
    return batch
  }

  endLone(batch: RecordBatch): void {
    batch.recordCount = 1
    void this.#commitLone(batch)
  }

  abandonLone(batch: RecordBatch): void {
    this.#freeLone.push(batch)
  }

  /** Discards the record that begin() started. */
  abandon(batch: RecordBatch): void {
    batch.cursor.position = this.#recordEnd
  }

  /** Resolves when no batch is open or in flight. */
  async flush(): Promise<void> {
    if (this.#open !== null && this.#open.recordCount > 0) this.#seal(this.#open)
    if (this.#inFlight > 0 || this.#freeLone.length < this.#lone)
      await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #mustSeal(batch: RecordBatch, maxBytes: number, now: number): boolean {
    const end = batch.cursor.position + maxBytes + PREFIX_MAX_BYTES
    return (
      end > BATCH_CAPACITY_BYTES ||
      (end > this.#batching.sealBytes && batch.recordCount > 0) ||
      batch.recordCount === BATCH_MAX_RECORDS ||
      // All records of a batch must lie in one month and near its first record, even if the clock jumps.
      now < batch.minReceivedAt ||
      now - batch.minReceivedAt > BATCH_SPAN_MS ||
      now >= this.#monthEnd
    )
  }

  #openBatch(now: number): RecordBatch | null {
    let batch = this.#free.pop()
    if (batch === undefined) {
      if (this.#made === this.#batching.maxBatches) {
        this.stats.refused++
        this.#count('LOG_BUSY', 1)
        return null
      }
      this.#made++
      batch = new RecordBatch(this.stream)
    }
    batch.reset()
    this.#sequence.write(batch.batchId, this.#log.nextPartition(this.stream))
    batch.minReceivedAt = now
    batch.maxReceivedAt = now
    const date = new Date(now)
    this.#monthEnd = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
    this.#prefixAt = -1
    this.#recordEnd = 0
    this.#open = batch
    return batch
  }

  #makePrefix(batch: RecordBatch, now: number): void {
    const cursor = batch.cursor
    const start = cursor.position
    cursor.uint(now)
    batch.batchId.copy(cursor.bytes, cursor.position)
    this.#prefixLength = cursor.bytes.copy(this.#prefix, 0, start, cursor.position + 16)
    cursor.position = start
    this.#prefixAt = now
  }

  #schedule(): void {
    this.#scheduled = true
    // Seal after this turn of the event loop, so that all requests read in its poll phase share a commit.
    setImmediate(() => {
      this.#scheduled = false
      if (this.#open !== null && this.#open.recordCount > 0) this.#seal(this.#open)
    })
  }

  #seal(batch: RecordBatch): void {
    this.#open = null
    batch.cursor.position = this.#recordEnd
    void this.#commit(batch)
  }

  async #commit(batch: RecordBatch): Promise<void> {
    this.#inFlight++
    await this.#append(batch)
    this.#free.push(batch)
    this.#inFlight--
    if (this.#inFlight >= this.#batching.maxInFlight) return
    if (this.#open !== null && this.#open.recordCount > 0 && !this.#scheduled) this.#seal(this.#open)
    else this.#noticeIdle()
  }

  /** Does not wait for the commits in progress: the log itself puts what waits for it into one write. */
  async #commitLone(batch: RecordBatch): Promise<void> {
    await this.#append(batch)
    this.#freeLone.push(batch)
    this.#noticeIdle()
  }

  #noticeIdle(): void {
    if (this.#inFlight > 0 || this.#freeLone.length < this.#lone) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #append(batch: RecordBatch): Promise<void> {
    const { stats } = this
    const started = performance.now()
    const overdue = setTimeout(() => this.#count('OVERDUE', batch.settle('unknown')), DURABLE_WITHIN_MS)
    stats.batches++
    stats.bytes += batch.cursor.position
    observe(SIZE_BUCKETS, stats.sizeBuckets, batch.recordCount)
    try {
      await this.#log.append(batch)
      stats.records += batch.recordCount
      batch.settle('kept')
    } catch (error) {
      const code = error instanceof GatepostError ? error.code : 'LOG_OUTCOME_UNKNOWN'
      this.#count(code, batch.recordCount)
      batch.settle(code === 'LOG_OUTCOME_UNKNOWN' ? 'unknown' : 'dropped')
    }
    clearTimeout(overdue)
    const seconds = (performance.now() - started) / 1000
    stats.commitSecondsSum += seconds
    observe(COMMIT_BUCKETS, stats.commitBuckets, seconds)
  }

  #count(code: string, records: number): void {
    if (records > 0) this.stats.failures.set(code, (this.stats.failures.get(code) ?? 0) + records)
  }
}

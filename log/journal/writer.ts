import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import { bySchema } from '../../schemas/by-schema.ts'
import { SYNC_BYTES, BLOCK_HEADER_MAX_BYTES } from '../../schemas/container.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { LogWriter } from '../contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import { Budget } from './budget.ts'
import { makeDirectory, realDisk, type Disk } from './disk.ts'
import { segmentName } from './layout.ts'
import { OpenSegment } from './segment.ts'

export interface JournalWriterOptions {
  /** The slot's directory; the caller holds its lock and has recovered it. */
  readonly directory: string
  /** Maximum size of the directory in bytes. */
  readonly maxBytes: number
  /** A segment is sealed at this size in bytes. */
  readonly segmentMaxBytes: number
  /** A segment is sealed at this age, at most 500 ms, so that readers see it. */
  readonly sealAfterMs: number
  readonly logger: Logger
  readonly disk?: Disk
}

/** After the disk refused a write, appends are refused for this long without trying. */
const REFUSAL_PAUSE_MS = 100

/** Minimum interval between log lines about a failing disk; every refused record is counted. */
const LOG_EVERY_MS = 5000

/** Wait before sealing a segment is retried. */
const SEAL_RETRY_MS = 500

interface Append {
  readonly batch: Batch
  readonly schema: RecordSchema
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Batches of one stream that may wait for the write in progress; ingest limits them too. */
const MAX_WAITING = 64

/** Writes the journal: Avro container files in the slot's directory. */
export class JournalWriter implements LogWriter {
  readonly #streams = new Map<Stream, StreamJournal>()
  readonly #budget: Budget
  /** Maximum size of the slot's directory in bytes. */
  readonly maxBytes: number

  private constructor(options: JournalWriterOptions) {
    this.maxBytes = options.maxBytes
    this.#budget = new Budget(options.directory, options.maxBytes)
    const incarnation = randomBytes(6).toString('hex')
    for (const stream of STREAMS)
      this.#streams.set(stream, new StreamJournal(stream, incarnation, options, this.#budget))
  }

  static async open(options: JournalWriterOptions): Promise<JournalWriter> {
    await makeDirectory(options.directory)
    const writer = new JournalWriter(options)
    await writer.#budget.rescan()
    return writer
  }

  /** Estimated size of the slot's directory in bytes. */
  get usedBytes(): number {
    return this.#budget.usedBytes
  }

  nextPartition(): number {
    return 0
  }

  append(batch: Batch): Promise<void> {
    return (this.#streams.get(batch.stream) as StreamJournal).append(batch)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()))
  }
}

/** The segments of one stream: one is open at a time, one write runs at a time, and everything that waits goes into the next write. */
class StreamJournal {
  readonly #stream: Stream
  readonly #incarnation: string
  readonly #options: JournalWriterOptions
  readonly #budget: Budget
  readonly #disk: Disk
  #waiting: Append[] = []
  #writing: Promise<void> | null = null
  #segment: OpenSegment | null = null
  #number = 0
  #sealTimer: NodeJS.Timeout | null = null
  readonly #sealing = new Set<Promise<void>>()
  #refusedAt = -Infinity
  #lastRefusal: GatepostError | null = null
  #loggedAt = -Infinity
  #sealErrorAt = -Infinity
  #closed = false

  constructor(stream: Stream, incarnation: string, options: JournalWriterOptions, budget: Budget) {
    this.#stream = stream
    this.#incarnation = incarnation
    this.#options = options
    this.#budget = budget
    this.#disk = options.disk ?? realDisk
  }

  append(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new GatepostError('LOG_CLOSED', 'the journal is closed'))
      if (this.#waiting.length === MAX_WAITING)
        return reject(new GatepostError('LOG_FULL', 'too many batches are waiting for the disk'))
      this.#waiting.push({ batch, schema: batch.schema, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting
      this.#waiting = []
      // There is more than one schema only when a spill writes back batches of another version.
      for (const appends of bySchema(waiting)) await this.#writeAll(appends)
    }
    this.#writing = null
  }

  async #writeAll(appends: readonly Append[]): Promise<void> {
    try {
      await this.#appendAll(appends.map((append) => append.batch))
      for (const append of appends) append.resolve()
    } catch (error) {
      this.#failed(error)
      for (const append of appends) append.reject(error)
    }
    if (this.#segment && (!this.#segment.usable || this.#isDue(this.#segment))) this.#seal()
  }

  /** Appends batches of one schema. */
  async #appendAll(batches: readonly Batch[]): Promise<void> {
    if (this.#lastRefusal !== null && performance.now() - this.#refusedAt < REFUSAL_PAUSE_MS) throw this.#lastRefusal
    const bytes = batches.reduce((sum, batch) => sum + batch.records.length + BLOCK_HEADER_MAX_BYTES + SYNC_BYTES, 0)
    if (!(await this.#budget.take(bytes))) {
      throw new GatepostError(
        'LOG_FULL',
        `the journal in ${this.#options.directory} has reached its limit of ${this.#options.maxBytes} bytes, or its disk is full`,
      )
    }
    const [{ schema }] = batches
    if (this.#segment !== null && this.#segment.schema !== schema) this.#seal()
    this.#segment ??= await this.#openSegment(schema)
    await this.#segment.append(batches)
    this.#lastRefusal = null
  }

  #failed(error: unknown): void {
    if (this.#lastRefusal === error) return
    if (performance.now() - this.#loggedAt > LOG_EVERY_MS) {
      this.#loggedAt = performance.now()
      this.#options.logger.error({ event: 'journal.write_failed', stream: this.#stream, err: error }, messageOf(error))
    }
    if (error instanceof GatepostError && (error.code === 'LOG_FULL' || error.code === 'LOG_WRITE_REFUSED')) {
      this.#lastRefusal = error
      this.#refusedAt = performance.now()
    }
  }

  async #openSegment(schema: RecordSchema): Promise<OpenSegment> {
    const name = segmentName(this.#stream, Date.now(), this.#incarnation, this.#number++)
    const segment = await OpenSegment.create(this.#disk, this.#options.directory, name, schema)
    this.#sealTimer = setTimeout(() => {
      if (this.#writing === null) this.#seal()
    }, this.#options.sealAfterMs)
    return segment
  }

  #isDue(segment: OpenSegment): boolean {
    return (
      segment.bytes >= this.#options.segmentMaxBytes ||
      performance.now() - segment.openedAt >= this.#options.sealAfterMs
    )
  }

  /** Runs concurrently with appends: the next segment need not wait for the rename. */
  #seal(): void {
    const segment = this.#segment
    if (segment === null) return
    this.#segment = null
    if (this.#sealTimer) clearTimeout(this.#sealTimer)
    const sealing = this.#keepSealing(segment).finally(() => this.#sealing.delete(sealing))
    this.#sealing.add(sealing)
  }

  /** Readers do not see a segment before it is renamed, so sealing is retried until it succeeds or the journal closes. */
  async #keepSealing(segment: OpenSegment): Promise<void> {
    for (;;) {
      const last = this.#closed
      try {
        await segment.seal()
        return
      } catch (error) {
        const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (gone || performance.now() - this.#sealErrorAt > LOG_EVERY_MS) {
          this.#sealErrorAt = performance.now()
          this.#options.logger.error(
            { event: 'journal.seal_failed', stream: this.#stream, err: error },
            `journal: cannot seal a segment; ${gone ? 'its file is gone' : 'retrying'}: ${messageOf(error)}`,
          )
        }
        // The next start recovers the segment.
        if (last || gone) return
        await sleep(SEAL_RETRY_MS)
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
    this.#seal()
    await Promise.all(this.#sealing)
  }
}

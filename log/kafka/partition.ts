import type { Stream } from '../../schemas/streams/index.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { KafkaMessage } from './client/port.ts'
import { messageLetter } from './letter.ts'
import { batchOfMessage, type LaterMessage } from './message.ts'
import type { Start } from './position.ts'
import { partitionName } from './topic-names.ts'

/** The parts of a message that are needed. */
export type Message = Pick<KafkaMessage, 'offset' | 'value' | 'timestamp'>

interface Item {
  readonly offset: number
  readonly batch: Batch
  readonly isLetter: boolean
}

/** Items taken from a partition, and what to commit once they are stored. */
export interface Taken {
  readonly batches: readonly Batch[]
  readonly letters: readonly Batch[]
  readonly bytes: number
  readonly next: number
  readonly lastId: string
}

/**
 * Reads one partition: messages in offset order, without gaps. The client may deliver messages that it fetched before a rebalance or a seek,
 * and it jumps by itself when an offset is out of range, so a delivery is accepted only if it starts where the last one ended.
 */
export class PartitionReader {
  readonly stream: Stream
  readonly kafkaTopic: string
  readonly partition: number
  readonly name: string
  /** Bytes of records that are queued to be taken. */
  queuedBytes = 0
  paused = true
  /** The message that reading is held at until a later version of Gatepost is installed; null: none. */
  held: { readonly offset: number; readonly at: number; readonly obstacle: string } | null = null
  /** Number of begin() and lose() calls: items taken before such a call must not be committed after it. */
  begun = 0
  /** Offset of the next message to store; all earlier ones are committed. Null: not located yet. */
  committed: number | null = null
  committedId: string | null = null
  /** Timestamp of the last message that was delivered, ms since the epoch; null: none. */
  seen: number | null = null
  /** Offset of the next message to be delivered; null: must be located first. */
  #expected: number | null = null
  #probe: string | null = null
  #queue: Item[] = []
  /** Delivered and not committed, oldest first. */
  #uncommitted: { readonly offset: number; readonly at: number }[] = []

  constructor(stream: Stream, kafkaTopic: string, partition: number) {
    this.stream = stream
    this.kafkaTopic = kafkaTopic
    this.partition = partition
    this.name = partitionName(kafkaTopic, partition)
  }

  get expected(): number | null {
    return this.#expected
  }

  /** Creation time of the oldest batch that is delivered and not committed, ms since the epoch; null: none. */
  get oldestAt(): number | null {
    return this.#uncommitted.length === 0 ? (this.held?.at ?? null) : this.#uncommitted[0].at
  }

  /** Starts reading, or restarts, at this position. */
  begin({ offset, expect }: Pick<Start, 'offset' | 'expect'>): void {
    this.begun++
    this.held = null
    this.#queue = []
    this.#uncommitted = []
    this.queuedBytes = 0
    this.#expected = offset
    this.#probe = expect
    this.committed = expect === null ? offset : offset + 1
    this.committedId = expect
  }

  /** Accepts nothing until begin() is called. */
  lose(): void {
    this.begun++
    this.#expected = null
    this.#queue = []
    this.queuedBytes = 0
  }

  /**
   * Offers the messages of a fetch from `fetchedOffset`. `taken`: accepted. `elsewhere`: the fetch did not start at the expected offset.
   * `wrong`: the batch before the committed offset is not the one that was stored. `held`: this version cannot store the message at
   * `expected`.
   */
  offer(fetchedOffset: number, messages: readonly Message[]): 'taken' | 'elsewhere' | 'wrong' | 'held' {
    if (this.#expected === null || fetchedOffset !== this.#expected) return 'elsewhere'
    for (const message of messages) {
      const item = this.#itemOf(message)
      if ('obstacle' in item) {
        this.held = { offset: message.offset, at: message.timestamp, obstacle: item.obstacle }
        return 'held'
      }
      if (this.#probe !== null) {
        const found = message.offset === this.#expected && item.batch.batchId.toString('hex') === this.#probe
        this.#probe = null
        if (!found) return 'wrong'
      } else {
        this.#queue.push(item)
        this.queuedBytes += item.batch.records.byteLength
        this.#uncommitted.push({ offset: item.offset, at: item.batch.minReceivedAt })
      }
      this.#expected = message.offset + 1
      this.seen = message.timestamp
    }
    return 'taken'
  }

  /** At least one item, and more up to maxBytes, but none at or after offset `end`; null: the queue is empty. */
  take(maxBytes: number, end = Infinity): Taken | null {
    let bytes = 0
    let count = 0
    while (count < this.#queue.length && this.#queue[count].offset < end) {
      const size = this.#queue[count].batch.records.byteLength
      if (count > 0 && bytes + size > maxBytes) break
      bytes += size
      count++
    }
    if (count === 0) return null
    const items = this.#queue.splice(0, count)
    this.queuedBytes -= bytes
    const last = items[items.length - 1]
    return {
      batches: items.filter(({ isLetter }) => !isLetter).map(({ batch }) => batch),
      letters: items.filter(({ isLetter }) => isLetter).map(({ batch }) => batch),
      bytes,
      next: last.offset + 1,
      lastId: last.batch.batchId.toString('hex'),
    }
  }

  committedUpTo(next: number, lastId: string): void {
    if (this.committed !== null && next <= this.committed) return
    this.committed = next
    this.committedId = lastId
    const left = this.#uncommitted.findIndex(({ offset }) => offset >= next)
    this.#uncommitted = left < 0 ? [] : this.#uncommitted.slice(left)
  }

  #itemOf(message: Message): Item | LaterMessage {
    const { offset, value, timestamp } = message
    const batch = batchOfMessage(this.stream, value)
    if (typeof batch !== 'string') return 'obstacle' in batch ? batch : { offset, batch, isLetter: false }
    const letter = messageLetter(this.stream, { place: `${this.name}/${offset}`, value, timestamp }, batch)
    return { offset, batch: letter, isLetter: true }
  }
}

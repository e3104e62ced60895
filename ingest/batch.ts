import { Cursor } from './encode/cursor.ts'
import { recordSchema, type RecordSchema } from '../schemas/avro.ts'
import type { Stream } from '../schemas/streams/index.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Answer, RecordOutcome, Responder } from './http.ts'

/** A batch is sealed when its next record might not fit. */
export const BATCH_CAPACITY_BYTES = 1024 * 1024
/** Maximum number of records per batch. Each may have a request that waits for it. */
export const BATCH_MAX_RECORDS = 16384

/**
 * The records of one batch that is being filled, and the requests that wait until they are durable.
 * Reused: nothing is allocated per record.
 */
export class RecordBatch implements Batch {
  readonly stream: Stream
  readonly schema: RecordSchema
  readonly cursor: Cursor
  readonly batchId = Buffer.alloc(16)
  recordCount = 0
  minReceivedAt = 0
  maxReceivedAt = 0

  readonly #responders: (Responder | null)[] = []
  readonly #responses: unknown[] = []
  readonly #answers: (Answer | null)[] = []
  #waiting = 0

  constructor(stream: Stream, capacityBytes = BATCH_CAPACITY_BYTES) {
    this.cursor = new Cursor(capacityBytes)
    this.stream = stream
    this.schema = recordSchema(stream)
  }

  get records(): Buffer {
    return this.cursor.bytes.subarray(0, this.cursor.position)
  }

  reset(): void {
    this.cursor.position = 0
    this.recordCount = 0
    this.#waiting = 0
  }

  /** Registers a request to be answered once the batch's outcome is known. */
  wait(responder: Responder, response: unknown, answer: Answer): void {
    this.#responders[this.#waiting] = responder
    this.#responses[this.#waiting] = response
    this.#answers[this.#waiting] = answer
    this.#waiting++
  }

  /** Answers all registered requests, and forgets them: a second call answers none. */
  settle(outcome: RecordOutcome): number {
    const settled = this.#waiting
    this.#waiting = 0
    for (let index = 0; index < settled; index++) {
      this.#responders[index]?.respond(this.#responses[index], this.#answers[index] as Answer, outcome)
      this.#responders[index] = null
      this.#responses[index] = null
      this.#answers[index] = null
    }
    return settled
  }
}

import { Cursor } from './encode/cursor.ts'
import { recordSchema, type RecordSchema } from '../schemas/avro.ts'
import type { Topic } from '../schemas/streams/index.ts'
import type { Batch } from '../schemas/batch.ts'
import type { Answer, RecordOutcome, Responder } from './http.ts'

/** A batch is sealed when its next record might not fit. */
export const BATCH_CAPACITY_BYTES = 1024 * 1024
/** Records of one batch, each of which may have a request that waits for it. */
export const BATCH_MAX_RECORDS = 16384

/**
 * Records of one topic on their way to being sealed, and the requests that wait for them to be durable.
 * Reused: nothing is allocated per record.
 */
export class RecordBatch implements Batch {
  readonly topic: Topic
  readonly schema: RecordSchema
  readonly cursor = new Cursor(BATCH_CAPACITY_BYTES)
  readonly batchId = Buffer.alloc(16)
  recordCount = 0
  minReceivedAt = 0
  maxReceivedAt = 0

  readonly #responders: (Responder | null)[] = []
  readonly #responses: unknown[] = []
  readonly #answers: (Answer | null)[] = []
  #waiting = 0

  constructor(topic: Topic) {
    this.topic = topic
    this.schema = recordSchema(topic)
  }

  get records(): Buffer {
    return this.cursor.bytes.subarray(0, this.cursor.position)
  }

  reset(): void {
    this.cursor.position = 0
    this.recordCount = 0
    this.#waiting = 0
  }

  /** The request is answered when the batch's outcome is known. */
  wait(responder: Responder, response: unknown, answer: Answer): void {
    this.#responders[this.#waiting] = responder
    this.#responses[this.#waiting] = response
    this.#answers[this.#waiting] = answer
    this.#waiting++
  }

  /** Answers everyone who waits; again later: nobody waits any more. */
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

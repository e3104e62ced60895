import type { RecordBatch } from './batch.ts'
import type { Answer, PendingRecords, RecordOutcome, Responder } from './http.ts'

/** From best to worst: a request's records count as kept only if all of them are. */
const WORSE: readonly RecordOutcome[] = ['none', 'kept', 'unknown', 'dropped']

/** The batches of one request with several records. It is answered when all outcomes are known, with the worst one. */
export class SeveralBatches implements PendingRecords, Responder {
  readonly #batches: ReadonlySet<RecordBatch>
  #open: number
  #worst: RecordOutcome = 'none'
  #responder: Responder | null = null

  constructor(batches: ReadonlySet<RecordBatch>) {
    this.#batches = batches
    this.#open = batches.size
  }

  wait(responder: Responder, response: unknown, answer: Answer): void {
    this.#responder = responder
    for (const batch of this.#batches) batch.wait(this, response, answer)
  }

  respond(response: unknown, answer: Answer, outcome: RecordOutcome): void {
    if (WORSE.indexOf(outcome) > WORSE.indexOf(this.#worst)) this.#worst = outcome
    if (--this.#open === 0) this.#responder?.respond(response, answer, this.#worst)
  }
}

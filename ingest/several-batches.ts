import type { RecordBatch } from './batch.ts'
import { makeAnswer, type Answer, type PendingRecords, type RecordOutcome, type Responder } from './http.ts'

/** From best to worst: a request's records count as kept only if all of them are. */
const WORSE: readonly RecordOutcome[] = ['none', 'kept', 'unknown', 'dropped']

/** Placeholder that is never sent. */
const PENDING = makeAnswer('auth', 200, '')

/** The batches of one request with several records. It is answered when all outcomes are known, with the worst one. */
export class SeveralBatches implements PendingRecords, Responder {
  /** Outcomes that are not known yet; one more until wait() is called. */
  #open = 1
  #worst: RecordOutcome = 'none'
  #answer: (outcome: RecordOutcome) => void = () => undefined

  /** PRECONDITION: called in the turn of the event loop in which the records were made; later, a batch may be another one. */
  add(batches: Iterable<RecordBatch>): void {
    for (const batch of batches) {
      this.#open++
      batch.wait(this, null, PENDING)
    }
  }

  /** Called once, when every batch has been added. */
  wait(responder: Responder, response: unknown, answer: Answer): void {
    this.#answer = (outcome) => responder.respond(response, answer, outcome)
    this.#known('none')
  }

  respond(_response: unknown, _answer: Answer, outcome: RecordOutcome): void {
    this.#known(outcome)
  }

  #known(outcome: RecordOutcome): void {
    if (WORSE.indexOf(outcome) > WORSE.indexOf(this.#worst)) this.#worst = outcome
    if (--this.#open === 0) this.#answer(this.#worst)
  }
}

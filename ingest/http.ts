import type { Route } from './routes/router.ts'

/**
 * The interface between handlers and listeners. A handler takes method, path, query, headers and body bytes, and returns status, body and,
 * if it made a record, the batch to wait for. It knows nothing about the listener.
 */

/** Whether the request's record is durable: the X-Gatepost-Record header. `none`: the request makes no record. */
export type RecordOutcome = 'kept' | 'unknown' | 'dropped' | 'none'

/** A response that is built once and shared by all requests that get it. */
export interface Answer {
  readonly counter: AnswerCounter
  /** With the reason phrase: "200 OK". */
  readonly status: string
  readonly code: number
  readonly contentType: string | null
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** The answer if the record was not kept: post-auth is refused; null: answered the same. */
  readonly unlessKept: Answer | null
}

/** Number of answers of one route with one status. */
export interface AnswerCounter {
  readonly route: Route
  readonly code: number
  served: number
}

const counters = new Map<string, AnswerCounter>()

/** All counters of this process: routes times statuses. */
export function answerCounters(): Iterable<AnswerCounter> {
  return counters.values()
}

function counterOf(route: Route, code: number): AnswerCounter {
  const key = `${route} ${code}`
  let counter = counters.get(key)
  if (counter === undefined) counters.set(key, (counter = { route, code, served: 0 }))
  return counter
}

const REASONS: Record<number, string> = {
  200: 'OK',
  204: 'No Content',
  302: 'Found',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

export function makeAnswer(
  route: Route,
  code: number,
  body: string,
  options: Partial<Pick<Answer, 'contentType' | 'headers' | 'unlessKept'>> = {},
): Answer {
  return {
    counter: counterOf(route, code),
    status: `${code} ${REASONS[code] ?? ''}`,
    code,
    contentType: options.contentType ?? null,
    headers: options.headers ?? [],
    body,
    unlessKept: options.unlessKept ?? null,
  }
}

export function makeJsonAnswer(
  route: Route,
  code: number,
  value: unknown,
  headers: readonly (readonly [string, string])[] = [],
): Answer {
  return makeAnswer(route, code, JSON.stringify(value), { contentType: 'application/json', headers })
}

/** The answer to a request once its record's outcome is known. */
export function finalAnswer(answer: Answer, outcome: RecordOutcome): Answer {
  return answer.unlessKept !== null && outcome !== 'kept' ? answer.unlessKept : answer
}

/** The result of a handler that had to wait. */
export interface Reply {
  readonly answer: Answer
  readonly outcome: RecordOutcome
}

/** The listeners of an ingest worker. */
export type ListenerName = 'bulk' | 'gateway'

/** Handles the body of a request. */
export interface BodyHandler {
  /** A larger body is answered with `tooLarge` without being read to its end. */
  readonly maxBytes: number
  readonly tooLarge: Answer
  /** Never throws. `exchange` is in the state it had when bodyHandler() returned. */
  handle(body: Uint8Array, exchange: Exchange): void
}

/** Sends the answer once the outcome of the request's record is known; does nothing if the client has disconnected. */
export interface Responder {
  respond(response: unknown, answer: Answer, outcome: RecordOutcome): void
}

/** What an answer waits for: the batch with the request's record, or all batches with its records. */
export interface PendingRecords {
  wait(responder: Responder, response: unknown, answer: Answer): void
}

/** Resolves with the answer once the outcome of the records is known. */
export function settledReply(records: PendingRecords, answer: Answer): Promise<Reply> {
  return new Promise((resolve) => {
    records.wait({ respond: (_response, answer, outcome) => resolve({ answer, outcome }) }, null, answer)
  })
}

/**
 * One request and its answer. A listener owns it and reuses it for every request: its content is valid only until the handler is called
 * again.
 */
export class Exchange {
  /** Everything after the first "?", as sent. */
  query = ''
  userAgent = ''
  /** The client's address as text, with trusted proxies taken into account. */
  remoteIp = ''
  /** Which listener received the request. Set once, by the listener. */
  listener: ListenerName = 'bulk'
  /** A header by its lower-case name; empty if it was not sent. Set once, by the owning listener. */
  header: (name: string) => string = () => ''
  /** Whether a trusted proxy says that the client used HTTPS (X-Forwarded-Proto). Set once, by the listener. */
  secure: () => boolean = () => false
  /** Receive time of the request, ms since the epoch. Only the listener of a demo replaces it (received-at.ts). */
  now: () => number = Date.now

  /** Set by the handler: the answer, and the batch to wait for; without a batch, `outcome` is final. */
  answer: Answer = NOT_FOUND
  batch: PendingRecords | null = null
  outcome: RecordOutcome = 'none'

  /** Sets an answer that can be sent at once. */
  reply(answer: Answer, outcome: RecordOutcome = 'none'): void {
    this.answer = answer
    this.batch = null
    this.outcome = outcome
  }

  /** Resolves with the answer once everything that it waits for is done. */
  settled(): Promise<Reply> {
    const { batch, answer, outcome } = this
    return batch === null ? Promise.resolve({ answer, outcome }) : settledReply(batch, answer)
  }

  /** Sets an answer that is not known yet. PRECONDITION: the promise never rejects. */
  replyLater(reply: Promise<Reply>): void {
    this.batch = {
      wait(responder, response) {
        void reply.then(({ answer, outcome }) => responder.respond(response, answer, outcome))
      },
    }
  }

  /** Sets an answer that is sent once the request's record is durable. */
  replyWhenDurable(answer: Answer, batch: PendingRecords): void {
    this.answer = answer
    this.batch = batch
  }
}

export const NOT_FOUND = makeJsonAnswer('unknown', 404, { error: 'not found' })

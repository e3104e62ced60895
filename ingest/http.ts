import type { Route } from './routes/router.ts'

/**
 * What handlers and listeners say to each other. A handler takes method, path, query, headers and body bytes, and gives
 * status, body and, if a record was made, the batch to wait for; it knows nothing of the listener.
 */

/** Whether the record of a request is durable: the X-Gatepost-Record header. `none`: the request makes no record. */
export type RecordOutcome = 'kept' | 'unknown' | 'dropped' | 'none'

/** A response, made once and shared by every request that gets it. */
export interface Answer {
  readonly counter: AnswerCounter
  /** With its reason phrase: "200 OK". */
  readonly status: string
  readonly code: number
  readonly contentType: string | null
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  /** What the request gets instead when its record was not kept: post-auth is refused, others are answered all the same. */
  readonly unlessKept: Answer | null
}

/** How often one route answered with one status. */
export interface AnswerCounter {
  readonly route: Route
  readonly code: number
  served: number
}

const counters = new Map<string, AnswerCounter>()

/** Every counter of this process: routes times statuses. */
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
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Payload Too Large',
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

/** What a request is answered once its record's outcome is known. */
export function finalAnswer(answer: Answer, outcome: RecordOutcome): Answer {
  return answer.unlessKept !== null && outcome !== 'kept' ? answer.unlessKept : answer
}

/** What a handler that had to wait has to say. */
export interface Reply {
  readonly answer: Answer
  readonly outcome: RecordOutcome
}

/** Who takes the body of a request. */
export interface BodyHandler {
  /** A larger body is not read to its end and answered with `tooLarge`. */
  readonly maxBytes: number
  readonly tooLarge: Answer
  /** Never throws. `exchange` holds what it held when the body was announced. */
  handle(body: Uint8Array, exchange: Exchange): void
}

/** How a listener answers a request whose record's outcome has become known; does nothing if the client has gone. */
export interface Responder {
  respond(response: unknown, answer: Answer, outcome: RecordOutcome): void
}

/** What a request waits for: the batch of its record, or all of its records'. */
export interface Awaited {
  wait(responder: Responder, response: unknown, answer: Answer): void
}

/**
 * One request and what came of it. A listener owns one and uses it for request after request; everything in it is valid
 * only until the handler's next call.
 */
export class Exchange {
  /** Everything behind the first "?", as sent. */
  query = ''
  userAgent = ''
  /** The client's address in text form, after trusted proxies. */
  remoteIp = ''
  /** A header by its lower-case name; empty if it was not sent. Set once, by the listener that owns the exchange. */
  header: (name: string) => string = () => ''
  /** Whether a trusted proxy says that the client came by HTTPS (X-Forwarded-Proto). Set once, by the listener. */
  secure: () => boolean = () => false
  /** When the request came, ms since the epoch. Set by the listener of a demo only (received-at.ts). */
  now: () => number = Date.now

  /** Set by the handler: the answer, and the batch to wait for; without one, `outcome` is final. */
  answer: Answer = NOT_FOUND
  batch: Awaited | null = null
  outcome: RecordOutcome = 'none'

  /** An answer that waits for nothing. */
  reply(answer: Answer, outcome: RecordOutcome = 'none'): void {
    this.answer = answer
    this.batch = null
    this.outcome = outcome
  }

  /** The answer once nothing is waited for any more. */
  settled(): Promise<Reply> {
    const { batch, answer, outcome } = this
    if (batch === null) return Promise.resolve({ answer, outcome })
    return new Promise((resolve) => {
      batch.wait({ respond: (_response, answer, outcome) => resolve({ answer, outcome }) }, null, answer)
    })
  }

  /** An answer that is not known yet. PRECONDITION: the promise never rejects. */
  replyLater(reply: Promise<Reply>): void {
    this.batch = {
      wait(responder, response) {
        void reply.then(({ answer, outcome }) => responder.respond(response, answer, outcome))
      },
    }
  }

  /** An answer that waits until the request's record is durable. */
  replyWhenDurable(answer: Answer, batch: Awaited): void {
    this.answer = answer
    this.batch = batch
  }
}

export const NOT_FOUND = makeJsonAnswer('unknown', 404, { error: 'not found' })

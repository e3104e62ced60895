import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../../common/errors.ts'
import type { ReportedAs } from '../../schemas/streams/index.ts'
import type { RecordBatch } from '../batch.ts'
import type { StreamBatcher } from '../batcher.ts'
import type { Cursor } from '../encode/cursor.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import type { Sender } from '../encode/post-auth.ts'
import { eventTime, type EventTime } from '../event-time.ts'
import { makeAnswer, makeJsonAnswer, type Answer, type Exchange } from '../http.ts'
import { CUT_CHARACTERS } from '../limits.ts'
import { ABSENT, JsonFields, NOT_AN_OBJECT } from '../parse/json.ts'
import { formReport, isForm, listReport } from '../parse/report-body.ts'
import type { Records } from '../records.ts'
import type { Route } from './router.ts'

/* What the reports of RADIUS servers have in common: logins (post-auth) and accounting. */

/** Larger bodies are answered 413; a RADIUS packet has at most 4,096 bytes. */
export const REPORT_MAX_BYTES = 64 * 1024

const RETRY_AFTER_SECONDS = '5'

/** Who reports, and how the body is written. */
export interface ReportOrigin {
  /** The name of the credential; empty: none. */
  readonly source: string
  /** Whether the sender has proved who it is, by a credential or by its address: only then may it say when something happened. */
  readonly proven: boolean
  /** Whether the body is said to be a form. */
  readonly form: boolean
  readonly gzip: boolean
}

/** When it happened, and when it was reported; ms since the epoch. */
export interface ReportTime {
  /** Null: the report does not say, or is not believed. */
  readonly at: number | null
  readonly now: number
}

export interface Problem {
  readonly reason: DeadLetterReason
  readonly error: string
  readonly field: string
}

/** What is particular to reports of one kind. */
export interface ReportKind {
  readonly route: Extract<Route, 'post_auth' | 'accounting'>
  readonly source: Extract<ReportedAs, 'post-auth' | 'accounting'>
  readonly keys: readonly string[]
  /** Slots of the keys. */
  readonly eventTimestamp: number
  readonly reportId: number
  readonly batcher: StreamBatcher
  /** Days for which its records are kept. */
  readonly keptDays: number
  /** Earlier times are of clocks that were never set, ms since the epoch; they are not used. */
  readonly unsetBefore: number
  /** Upper bound for the encoded size. */
  maxBytes(bodyLength: number): number
  /** What is wrong; null: it can be encoded. */
  problem(fields: JsonFields): Problem | null
  overlong(fields: JsonFields): { readonly field: string; readonly error: string } | null
  /** @returns false: the report is answered and makes no record */
  encode(cursor: Cursor, fields: JsonFields, sender: Sender, time: ReportTime): boolean
  /** A time that was not used. */
  countTime(why: 'unproven' | Extract<EventTime, string>): void
}

interface Refusal extends Problem {
  readonly payload: string
}

interface Answers {
  readonly stored: Answer
  /** A report that makes no record is answered like one that does. */
  readonly notStored: Answer
  readonly tooLargeInside: Answer
}

/** The answer to a report whose record could not be kept. */
export function notDurable(route: ReportKind['route']): Answer {
  const error = 'the record could not be stored; send it again'
  return makeJsonAnswer(route, 503, { error }, [['Retry-After', RETRY_AFTER_SECONDS]])
}

/** `POST /logging/…`, by FreeRADIUS's rlm_rest. 204 means stored. */
export class ReportRoute {
  readonly #records: Records
  readonly #kind: ReportKind
  readonly #fields: JsonFields
  readonly #answers: Answers

  constructor(records: Records, kind: ReportKind) {
    this.#records = records
    this.#kind = kind
    this.#fields = new JsonFields(kind.keys)
    const { route } = kind
    this.#answers = {
      stored: makeAnswer(route, 204, '', { unlessKept: notDurable(route) }),
      notStored: makeAnswer(route, 204, ''),
      tooLargeInside: makeJsonAnswer(route, 413, {
        error: `the body is larger than ${REPORT_MAX_BYTES} bytes when it is decompressed`,
        field: 'body',
      }),
    }
  }

  handle(exchange: Exchange, sent: Uint8Array, origin: ReportOrigin): void {
    const now = exchange.now()
    let body = sent
    if (origin.gzip) {
      try {
        body = gunzipSync(sent, { maxOutputLength: REPORT_MAX_BYTES })
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
          return exchange.reply(this.#answers.tooLargeInside, 'dropped')
        const payload = `${sent.length} bytes`
        const refusal: Refusal = { reason: 'bad_gzip', error: `body: ${messageOf(error)}`, payload, field: 'body' }
        return this.#refuse(exchange, now, refusal, origin)
      }
    }
    const wrong = this.#read(body, exchange.query, origin) ?? this.#problem()
    if (wrong !== null) this.#refuse(exchange, now, wrong, origin)
    else this.#store(exchange, body.length, now, origin)
  }

  /** Parses the body into the fields. @returns what is wrong with it */
  #read(body: Uint8Array, query: string, { form }: ReportOrigin): Refusal | null {
    const fields = this.#fields
    const { keys } = this.#kind
    if (form && isForm(body)) {
      const { json } = formReport(body, query, keys)
      fields.parse(json)
      return null
    }
    const problem = fields.parse(body)
    if (problem !== null) {
      const reason = problem === NOT_AN_OBJECT ? 'not_an_object' : 'bad_json'
      // A body that does not parse may hold a password anywhere, so nothing of it is kept.
      return { reason, error: `body: ${problem}`, payload: `${body.length} bytes`, field: 'body' }
    }
    // Without any of our keys it may be a list of attributes that are plain values.
    if (query === '' && !fields.nested && fields.kinds.some((kind) => kind !== ABSENT)) return null
    const { json, wrong } = listReport(body, query, keys)
    fields.parse(json)
    return wrong && { reason: 'not_text', error: wrong.error, payload: knownKeys(fields, keys), field: wrong.field }
  }

  #problem(): Refusal | null {
    const fields = this.#fields
    const { keys } = this.#kind
    const problem = this.#kind.problem(fields)
    if (problem !== null) return { ...problem, payload: knownKeys(fields, keys) }
    const overlong = this.#kind.overlong(fields)
    return overlong && { reason: 'field_too_long', ...overlong, payload: knownKeys(fields, keys, CUT_CHARACTERS) }
  }

  #store(exchange: Exchange, bodyLength: number, now: number, origin: ReportOrigin): void {
    const fields = this.#fields
    const { keys, batcher, keptDays, reportId } = this.#kind
    const { source } = origin
    const at = this.#eventTime(now, origin)
    if (at === 'too_old') {
      const error = `event_timestamp is older than the ${keptDays} days for which ${NAMES[this.#kind.route]} are kept`
      const refusal: Refusal = { reason: at, error, payload: knownKeys(fields, keys), field: 'event_timestamp' }
      return this.#refuse(exchange, now, refusal, origin)
    }
    const maxBytes = this.#kind.maxBytes(bodyLength)
    const identity =
      at === null || fields.blank(reportId) ? null : reportIdentity(this.#kind.source, source, fields.text(reportId))
    const batch: RecordBatch | null =
      identity === null ? batcher.begin(maxBytes, at ?? now) : batcher.beginLone(maxBytes, at as number, identity)
    if (batch === null) {
      exchange.reply(this.#answers.stored, 'dropped')
      return
    }
    const stored = this.#kind.encode(batch.cursor, fields, { remoteIp: exchange.remoteIp, source }, { at, now })
    if (!stored) {
      if (identity === null) batcher.abandon(batch)
      else batcher.abandonLone(batch)
      exchange.reply(this.#answers.notStored)
      return
    }
    exchange.replyWhenDurable(this.#answers.stored, batch)
    if (identity === null) batcher.end(batch)
    else batcher.endLone(batch)
  }

  /** When it happened; null: when it is reported. */
  #eventTime(now: number, { proven }: ReportOrigin): number | 'too_old' | null {
    const { eventTimestamp, keptDays, unsetBefore } = this.#kind
    const time = eventTime(this.#fields.text(eventTimestamp).trim(), now, keptDays, unsetBefore)
    if (time === 'none') return null
    if (proven && typeof time === 'object') return time.at
    if (proven && time === 'too_old') return time
    this.#kind.countTime(proven && typeof time === 'string' ? time : 'unproven')
    return null
  }

  #refuse(exchange: Exchange, now: number, refusal: Refusal, { source: sender }: ReportOrigin): void {
    const { field, reason, error, payload } = refusal
    const { route, source } = this.#kind
    const answer = makeJsonAnswer(route, 400, { error, field })
    const batch = this.#records.deadLetter({ source, reason, error, payload, remoteIp: exchange.remoteIp, sender }, now)
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}

/**
 * The identity of a report's batch, the same for every sending.
 * @param writer the name of the credential; empty: none
 */
export function reportIdentity(source: ReportKind['source'], writer: string, reportId: string): Buffer {
  const kind = source === 'post-auth' ? 'report' : source
  return createHash('md5').update(`${kind} ${writer}/${reportId}`).digest()
}

const NAMES = { post_auth: 'logins', accounting: 'accounting records' } as const

/** The part of a body that a dead letter may hold: the known keys and their values, each cut after `characters`. */
function knownKeys(fields: JsonFields, keys: readonly string[], characters = Infinity): string {
  const known: Record<string, string> = {}
  keys.forEach((name, slot) => {
    if (fields.kinds[slot] !== ABSENT) known[name] = fields.text(slot).slice(0, characters)
  })
  return JSON.stringify(known)
}

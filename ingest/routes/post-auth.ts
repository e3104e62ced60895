import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { messageOf } from '../../common/errors.ts'
import {
  AUTHENTICATION_RESULT,
  encodePostAuth,
  EVENT_TIMESTAMP,
  knownKeys,
  newPostAuthStats,
  overlongField,
  POST_AUTH_KEYS,
  postAuthBytes,
  REPORT_ID,
  type PostAuthStats,
  type UserRules,
} from '../encode/post-auth.ts'
import type { RecordBatch } from '../batch.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import { eventTime } from '../event-time.ts'
import { makeAnswer, makeJsonAnswer, type Answer, type Exchange } from '../http.ts'
import { CUT_CHARACTERS } from '../limits.ts'
import { JsonFields, NOT_AN_OBJECT } from '../parse/json.ts'
import { formReport, isForm, listReport } from '../parse/report-body.ts'
import type { Records } from '../records.ts'

/** Larger bodies are answered 413; a RADIUS packet has at most 4,096 bytes. */
export const POST_AUTH_MAX_BYTES = 64 * 1024

const RETRY_AFTER_SECONDS = '5'

export const NOT_DURABLE = makeJsonAnswer(
  'post_auth',
  503,
  { error: 'the record could not be stored; send it again' },
  [['Retry-After', RETRY_AFTER_SECONDS]],
)
const TOO_LARGE_INSIDE = makeJsonAnswer('post_auth', 413, {
  error: `the body is larger than ${POST_AUTH_MAX_BYTES} bytes when it is decompressed`,
  field: 'body',
})

/** Who reports, and how the body is written. */
export interface ReportOrigin {
  /** The name of the credential; empty: none. */
  readonly source: string
  /** Whether the sender has proved who it is, by a credential or by its address: only then may it say when a login happened. */
  readonly proven: boolean
  /** Whether the body is said to be a form. */
  readonly form: boolean
  readonly gzip: boolean
}

export interface PostAuthOptions {
  /** Days for which logins are kept. */
  readonly keptDays: number
  /** Read for each report: the rule of user names may be found out later. */
  readonly users: () => UserRules
}

interface Refusal {
  readonly reason: DeadLetterReason
  readonly error: string
  readonly payload: string
  readonly field: string
}

const STORED = makeAnswer('post_auth', 204, '', { unlessKept: NOT_DURABLE })

/** `POST /logging/post-auth` (GovWifi logging API): a login that FreeRADIUS accepted or rejected. 204 means stored. */
export class PostAuthRoute {
  readonly stats: PostAuthStats = newPostAuthStats()
  readonly #records: Records
  readonly #options: PostAuthOptions
  readonly #fields = new JsonFields(POST_AUTH_KEYS)

  constructor(records: Records, options: PostAuthOptions) {
    this.#records = records
    this.#options = options
  }

  handle(exchange: Exchange, sent: Uint8Array, origin: ReportOrigin): void {
    const now = exchange.now()
    let body = sent
    if (origin.gzip) {
      try {
        body = gunzipSync(sent, { maxOutputLength: POST_AUTH_MAX_BYTES })
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
          return exchange.reply(TOO_LARGE_INSIDE, 'dropped')
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
    if (form && isForm(body)) {
      const { json } = formReport(body, query, POST_AUTH_KEYS)
      fields.parse(json)
      return null
    }
    const problem = fields.parse(body)
    if (problem !== null) {
      const reason = problem === NOT_AN_OBJECT ? 'not_an_object' : 'bad_json'
      // A body that does not parse may hold a password anywhere, so nothing of it is kept.
      return { reason, error: `body: ${problem}`, payload: `${body.length} bytes`, field: 'body' }
    }
    if (query === '' && !fields.nested) return null
    const { json, wrong } = listReport(body, query, POST_AUTH_KEYS)
    fields.parse(json)
    return wrong && { reason: 'not_text', error: wrong.error, payload: knownKeys(fields), field: wrong.field }
  }

  #problem(): Refusal | null {
    const fields = this.#fields
    const field = 'authentication_result'
    if (fields.blank(AUTHENTICATION_RESULT))
      return { reason: 'missing_field', error: `${field} is missing`, payload: knownKeys(fields), field }
    const overlong = overlongField(fields)
    return overlong && { reason: 'field_too_long', ...overlong, payload: knownKeys(fields, CUT_CHARACTERS) }
  }

  #store(exchange: Exchange, bodyLength: number, now: number, origin: ReportOrigin): void {
    const fields = this.#fields
    const { source } = origin
    const at = this.#eventTime(now, origin)
    if (at === 'too_old') {
      const error = `event_timestamp is older than the ${this.#options.keptDays} days for which logins are kept`
      const refusal: Refusal = { reason: at, error, payload: knownKeys(fields), field: 'event_timestamp' }
      return this.#refuse(exchange, now, refusal, origin)
    }
    const batcher = this.#records.postAuth
    const maxBytes = postAuthBytes(bodyLength)
    const identity = at === null || fields.blank(REPORT_ID) ? null : identityOf(source, fields.text(REPORT_ID))
    const batch: RecordBatch | null =
      identity === null ? batcher.begin(maxBytes, at ?? now) : batcher.beginLone(maxBytes, at as number, identity)
    if (batch === null) {
      exchange.reply(STORED, 'dropped')
      return
    }
    const stored = encodePostAuth(
      batch.cursor,
      fields,
      { remoteIp: exchange.remoteIp, source },
      this.stats,
      this.#options.users(),
    )
    if (!stored) {
      if (identity === null) batcher.abandon(batch)
      else batcher.abandonLone(batch)
      exchange.reply(HEALTH_CHECKED)
      return
    }
    exchange.replyWhenDurable(STORED, batch)
    if (identity === null) batcher.end(batch)
    else batcher.endLone(batch)
  }

  /** When the login happened; null: when it is reported. */
  #eventTime(now: number, { proven }: ReportOrigin): number | 'too_old' | null {
    const time = eventTime(this.#fields.text(EVENT_TIMESTAMP).trim(), now, this.#options.keptDays)
    if (time === 'none') return null
    const { timesNotUsed } = this.stats
    if (!proven) timesNotUsed.unproven++
    else if (typeof time === 'object') return time.at
    else if (time === 'too_old') return time
    else timesNotUsed[time]++
    return null
  }

  #refuse(exchange: Exchange, now: number, refusal: Refusal, { source: sender }: ReportOrigin): void {
    const { field, reason, error, payload } = refusal
    const answer = makeJsonAnswer('post_auth', 400, { error, field })
    const batch = this.#records.deadLetter(
      { source: 'post-auth', reason, error, payload, remoteIp: exchange.remoteIp, sender },
      now,
    )
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}

/** The same for every sending of one report. */
function identityOf(source: string, reportId: string): Buffer {
  return createHash('md5').update(`report ${source}/${reportId}`).digest()
}

/** A health check of the RADIUS server is answered like a login, but makes no record. */
const HEALTH_CHECKED: Answer = makeAnswer('post_auth', 204, '')

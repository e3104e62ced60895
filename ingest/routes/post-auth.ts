import {
  AUTHENTICATION_RESULT,
  encodePostAuth,
  knownKeys,
  overlongField,
  POST_AUTH_KEYS,
  postAuthBytes,
  type PostAuthStats,
} from '../encode/post-auth.ts'
import type { DeadLetterReason } from '../encode/dead-letter.ts'
import { makeAnswer, makeJsonAnswer, type Answer, type Exchange } from '../http.ts'
import { CUT_CHARACTERS } from '../limits.ts'
import { JsonFields, NOT_AN_OBJECT } from '../parse/json.ts'
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
const STORED = makeAnswer('post_auth', 204, '', { unlessKept: NOT_DURABLE })

/** `POST /logging/post-auth` (GovWifi logging API): a login that FreeRADIUS accepted or rejected. 204 means stored. */
export class PostAuthRoute {
  readonly stats: PostAuthStats = { unknownEapTypes: 0, healthChecks: 0 }
  readonly #records: Records
  readonly #fields = new JsonFields(POST_AUTH_KEYS)

  constructor(records: Records) {
    this.#records = records
  }

  /** @param source the name of the credential with which it is reported; empty: none */
  handle(exchange: Exchange, body: Uint8Array, source: string): void {
    const fields = this.#fields
    const now = exchange.now()
    const problem = fields.parse(body)
    if (problem !== null) {
      const reason = problem === NOT_AN_OBJECT ? 'not_an_object' : 'bad_json'
      // A body that does not parse may hold a password anywhere, so nothing of it is kept.
      this.#refuse(exchange, now, reason, `body: ${problem}`, `${body.length} bytes`, 'body', source)
      return
    }
    if (fields.blank(AUTHENTICATION_RESULT)) {
      this.#refuse(
        exchange,
        now,
        'missing_field',
        'authentication_result is missing',
        knownKeys(fields),
        'authentication_result',
        source,
      )
      return
    }
    const overlong = overlongField(fields)
    if (overlong !== null) {
      const payload = knownKeys(fields, CUT_CHARACTERS)
      this.#refuse(exchange, now, 'field_too_long', overlong.error, payload, overlong.field, source)
      return
    }
    const batcher = this.#records.postAuth
    const batch = batcher.begin(postAuthBytes(body.length), now)
    if (batch === null) {
      exchange.reply(STORED, 'dropped')
      return
    }
    if (encodePostAuth(batch.cursor, fields, { remoteIp: exchange.remoteIp, source }, this.stats)) {
      batcher.end(batch)
      exchange.replyWhenDurable(STORED, batch)
    } else {
      batcher.abandon(batch)
      exchange.reply(HEALTH_CHECKED)
    }
  }

  #refuse(
    exchange: Exchange,
    now: number,
    reason: DeadLetterReason,
    error: string,
    payload: string,
    field: string,
    sender: string,
  ): void {
    const answer = makeJsonAnswer('post_auth', 400, { error, field })
    const batch = this.#records.deadLetter(
      { source: 'post-auth', reason, error, payload, remoteIp: exchange.remoteIp, sender },
      now,
    )
    if (batch === null) exchange.reply(answer, 'dropped')
    else exchange.replyWhenDurable(answer, batch)
  }
}

/** A health check of the RADIUS server is answered like a login, but makes no record. */
const HEALTH_CHECKED: Answer = makeAnswer('post_auth', 204, '')

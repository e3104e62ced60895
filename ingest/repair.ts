import { createHash } from 'node:crypto'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { Batch } from '../schemas/batch.ts'
import { recordSchema } from '../schemas/avro.ts'
import type { UserNameRule } from '../common/user-name.ts'
import { isStream, streamReportedAs, type ReportedAs, type Stream } from '../schemas/streams/index.ts'
import { isStage, type Verdict } from '../access/decisions.ts'
import {
  ACCOUNTING_KEYS,
  accountingBytes,
  accountingProblem,
  encodeAccounting,
  newAccountingStats,
  overlongAccounting,
} from './encode/accounting.ts'
import { AUTH_STAGE, authFields, encodeAuth } from './encode/auth.ts'
import { Cursor } from './encode/cursor.ts'
import { demoteOthers, encodePing, gatewayOf, pingFields } from './encode/ping.ts'
import {
  AUTHENTICATION_RESULT,
  DEFAULT_USER_RULES,
  encodePostAuth,
  newPostAuthStats,
  overlongField,
  POST_AUTH_KEYS,
  postAuthBytes,
} from './encode/post-auth.ts'
import { JsonFields } from './parse/json.ts'
import { REPORT_MAX_BYTES } from './routes/report.ts'

/** A dead letter as stored in its table; `payload` may have been repaired. */
export interface RepairedLetter {
  /** ms since the epoch. */
  readonly receivedAt: number
  readonly source: string
  readonly reason: string
  readonly payload: string
  /** As a UUID's text. */
  readonly batchId: string
  readonly batchIndex: number
  readonly remoteIp: string
  /** The name of the credential; empty: none. */
  readonly sender: string
  /** By which the store's user names are written. */
  readonly userNames: UserNameRule
}

/** A dead letter does not keep the User-Agent. */
const NOT_KNOWN = ''
/** The token was not kept, so the request cannot be decided again. */
const UNDECIDED: Verdict = { code: -1, sessionId: '', own: false }

/**
 * A repaired dead letter as a batch of one record with the original receive time. Its identity is derived from the letter's, so replaying it
 * twice stores it once.
 * @throws GatepostError INPUT_INVALID: the payload is still not valid; names the field
 */
export function repairedBatch(letter: RepairedLetter): Batch {
  const batchId = replayId(letter)
  const { stream, fields } = encoded(letter)
  const prefix = new Cursor(64)
  prefix.uint(letter.receivedAt)
  batchId.copy(prefix.bytes, prefix.position)
  prefix.position += batchId.length
  prefix.uint(0)
  return {
    stream,
    schema: recordSchema(stream),
    batchId,
    recordCount: 1,
    minReceivedAt: letter.receivedAt,
    maxReceivedAt: letter.receivedAt,
    records: Buffer.concat([prefix.bytes.subarray(0, prefix.position), fields]),
  }
}

/** The identity under which a letter is replayed. */
export function replayId({ batchId, batchIndex }: Pick<RepairedLetter, 'batchId' | 'batchIndex'>): Buffer {
  return createHash('md5').update(`replay ${batchId}/${batchIndex}`).digest()
}

/** Rebuilds the record from a request, by the source of the dead letter. */
const REPAIRS: Readonly<Record<ReportedAs, (letter: RepairedLetter) => Buffer>> = {
  ping,
  auth,
  'post-auth': postAuth,
  accounting,
}

function encoded(letter: RepairedLetter): { stream: Stream; fields: Buffer } {
  const { source, payload } = letter
  const stream = streamReportedAs(source)
  if (stream !== undefined) return { stream, fields: REPAIRS[source as ReportedAs](letter) }
  if (!isStream(source)) throw invalid(`source ${source} is not known`)
  return { stream: source, fields: record(source, payload) }
}

function ping({ reason, payload: query, remoteIp }: RepairedLetter): Buffer {
  if (reason === 'bad_number') {
    throw invalid('the heartbeat is already in its table, without the bad number: a replay would store it twice')
  }
  const fields = pingFields()
  fields.parse(query)
  const gwId = gatewayOf(fields)
  if (gwId === '') throw invalid('gw_id is missing')
  const oversize = fields.oversize()
  if (oversize !== null) throw invalid(oversize.error)
  const cursor = new Cursor(256 + 3 * (query.length + remoteIp.length))
  const problem = demoteOthers(fields)
  if (problem !== null) throw invalid(problem)
  encodePing(cursor, fields, { gwId, remoteIp, userAgent: NOT_KNOWN, trusted: true })
  return written(cursor)
}

function auth({ reason, payload, remoteIp }: RepairedLetter): Buffer {
  if (reason === 'bad_telemetry' || reason === 'missing_telemetry') {
    throw invalid('the report is already in its table, without the bad counters: a replay would store it twice')
  }
  const fields = authFields()
  fields.parse(payload)
  if (!isStage(fields.text(AUTH_STAGE))) throw invalid('stage is none of login, counters, logout')
  const oversize = fields.oversize()
  if (oversize !== null) throw invalid(oversize.error)
  const cursor = new Cursor(512 + 3 * (payload.length + remoteIp.length))
  encodeAuth(cursor, fields, UNDECIDED, remoteIp, NOT_KNOWN)
  return written(cursor)
}

function postAuth({ payload, remoteIp, sender: source, userNames }: RepairedLetter): Buffer {
  const body = Buffer.from(payload)
  const fields = reportFields(body, POST_AUTH_KEYS)
  if (fields.blank(AUTHENTICATION_RESULT)) throw invalid('authentication_result is missing')
  const overlong = overlongField(fields)
  if (overlong !== null) throw invalid(overlong.error)
  const cursor = new Cursor(postAuthBytes(body.length))
  const stored = encodePostAuth(cursor, fields, { remoteIp, source }, newPostAuthStats(), {
    ...DEFAULT_USER_RULES,
    userNames,
  })
  if (!stored) throw invalid('a health check of a RADIUS server is never stored')
  return written(cursor)
}

function accounting({ receivedAt, payload, remoteIp, sender: source, userNames }: RepairedLetter): Buffer {
  const body = Buffer.from(payload)
  const fields = reportFields(body, ACCOUNTING_KEYS)
  const problem = accountingProblem(fields) ?? overlongAccounting(fields)
  if (problem !== null) throw invalid(problem.error)
  const cursor = new Cursor(accountingBytes(body.length))
  const context = { at: null, now: receivedAt, userNames, stats: newAccountingStats() }
  encodeAccounting(cursor, fields, { remoteIp, source }, context)
  return written(cursor)
}

/** @throws GatepostError INPUT_INVALID */
function reportFields(body: Buffer, keys: readonly string[]): JsonFields {
  if (body.length > REPORT_MAX_BYTES) throw invalid(`the body is larger than ${REPORT_MAX_BYTES} bytes`)
  const fields = new JsonFields(keys)
  const problem = fields.parse(body)
  if (problem !== null) throw invalid(`body: ${problem}`)
  if (fields.nested) throw invalid('a field holds a list or an object')
  return fields
}

function written(cursor: Cursor): Buffer {
  return cursor.bytes.subarray(0, cursor.position)
}

/** For a record that its table refused: the payload is JSON, with 64-bit numbers as text. */
function record(stream: Stream, payload: string): Buffer {
  let parsed: unknown
  try {
    parsed = JSON.parse(payload)
  } catch (error) {
    throw invalid(`the payload is not JSON: ${messageOf(error)}`)
  }
  if (typeof parsed !== 'object' || parsed === null) throw invalid('the payload is not a JSON object')
  const { type } = recordSchema(stream)
  const identity = { received_at: 0, batch_id: Buffer.alloc(16), batch_index: 0 }
  const value = { ...revived(stream, parsed as Record<string, unknown>), ...identity }
  const wrong: string[] = []
  type.isValid(value, { errorHook: (path) => wrong.push(path.join('.')) })
  if (wrong.length > 0) throw invalid(`not a record of ${stream}: ${wrong.join(', ')}`)
  // Skips the identity, which is written again: one byte of time, sixteen of batch_id and one of batch_index.
  return type.toBuffer(value).subarray(18)
}

function revived(stream: Stream, parsed: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    recordSchema(stream).fields.map(({ name, type }) => {
      const value = parsed[name]
      const isLong = JSON.stringify(type).includes('"long"')
      return [name, isLong && /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : value]
    }),
  )
}

function invalid(message: string): GatepostError {
  return new GatepostError('INPUT_INVALID', `the dead letter cannot be stored as it is: ${message}`)
}

import { createHash } from 'node:crypto'
import { GatepostError } from '../../common/errors.ts'
import type { UserNameRule } from '../../common/user-name.ts'
import {
  ACCOUNTING_KEYS,
  accountingBytes,
  accountingProblem,
  encodeAccounting,
  newAccountingStats,
  overlongAccounting,
} from '../../ingest/encode/accounting.ts'
import { Cursor } from '../../ingest/encode/cursor.ts'
import {
  AUTHENTICATION_RESULT,
  encodePostAuth,
  newPostAuthStats,
  overlongField,
  POST_AUTH_KEYS,
  postAuthBytes,
} from '../../ingest/encode/post-auth.ts'
import { eventTime } from '../../ingest/event-time.ts'
import { JsonFields } from '../../ingest/parse/json.ts'
import { listReport } from '../../ingest/parse/report-body.ts'
import { reportIdentity } from '../../ingest/routes/report.ts'
import { recordSchema } from '../../schemas/avro.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Store } from '../../store/contract.ts'
import type { Retention } from '../../store/retention.ts'
import { userNameRule } from '../../store/user-names.ts'
import { Importer } from './importer.ts'
import { detailEntries, type DetailEntry } from './detail-entries.ts'

/*
 * Stores what FreeRADIUS's detail files say: those that deploy/freeradius writes, of logins and of accounting, and FreeRADIUS's own, of
 * accounting. The identity of a row comes from its entry, so a file that is imported again, or that FreeRADIUS has sent, changes nothing.
 */

export interface DetailOptions {
  /** The credential with which FreeRADIUS sends; empty: none. Rows get it, and it is a part of their identity. */
  readonly source: string
  readonly retention: Retention
  readonly probes: ReadonlySet<string>
  /** Returns the token keys with which erased subjects are hashed; called only if there are any. */
  readonly keys: () => readonly string[]
  /** Called now and then with the entries read so far. */
  readonly progress: (entries: number) => void
}

/** Result for one file; counts are entries. */
export interface DetailOutcome {
  readonly file: string
  entries: number
  /** Rows that were missing. */
  rows: number
  /** Stored already. */
  present: number
  /** Older than their table keeps rows. */
  expired: number
  /** Of people who were forgotten. */
  erased: number
  /** Probes, and packets that are neither logins nor accounting. */
  skipped: number
  /** Entries that cannot be stored. */
  bad: number
  /** The first of them, with their lines. */
  readonly problems: string[]
}

type ImportedStream = 'post_auth' | 'radius_accounting'

const MAX_PROBLEMS = 20

/** The fields that attributes of deploy/freeradius fill. */
const OURS: Readonly<Record<string, string>> = {
  'Gatepost-Username': 'username',
  'Gatepost-Mac': 'mac',
  'Gatepost-Called-Station': 'called_station_id',
  'Gatepost-Site': 'site_ip_address',
  'Gatepost-Result': 'authentication_result',
  'Gatepost-Reply': 'authentication_reply',
  'Gatepost-Eap-Type': 'eap_type',
  'Gatepost-Nas-Identifier': 'nas_identifier',
  'Gatepost-Nas-IP': 'nas_ip',
  'Gatepost-Nas-Port': 'nas_port_id',
  'Gatepost-Cert-Name': 'cert_name',
  'Gatepost-Cert-Serial': 'cert_serial',
  'Gatepost-Cert-Subject': 'cert_subject',
  'Gatepost-Cert-Issuer': 'cert_issuer',
  'Gatepost-Status': 'acct_status_type',
  'Gatepost-Unique-Session': 'acct_unique_session_id',
  'Gatepost-Session': 'acct_session_id',
  'Gatepost-Multi-Session': 'acct_multi_session_id',
}

/** @throws GatepostError of the store; INPUT_INVALID: the file cannot be read */
export async function importDetail(store: Store, file: string, options: DetailOptions): Promise<DetailOutcome> {
  const outcome: DetailOutcome = {
    file,
    entries: 0,
    rows: 0,
    present: 0,
    expired: 0,
    erased: 0,
    skipped: 0,
    bad: 0,
    problems: [],
  }
  const rule = await userNameRule(store)
  const { retention, keys, progress } = options
  const importer = await Importer.open(store, { retention, keys, partition: 'detail' })
  try {
    for await (const entry of detailEntries(file)) {
      outcome.entries++
      const made = batchOf(entry, rule, options)
      if (made === 'skipped') outcome.skipped++
      else if (made === 'expired') outcome.expired++
      else if (typeof made === 'string') {
        outcome.bad++
        if (outcome.problems.length < MAX_PROBLEMS) outcome.problems.push(`${file}:${entry.line}: ${made}`)
      } else {
        if (await importer.add(made)) progress(outcome.entries)
      }
    }
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (syscall === undefined || code === undefined) throw error
    throw new GatepostError('INPUT_INVALID', `${file}: cannot be read: ${message}`, error)
  }
  await importer.flush()
  progress(outcome.entries)
  const { rows, present, expired, erased, deadLetters } = importer.totals
  return {
    ...outcome,
    rows,
    present,
    expired: outcome.expired + expired,
    erased,
    bad: outcome.bad + deadLetters,
  }
}

/** @returns the batch of an entry; or 'skipped', 'expired', or what is wrong with it */
function batchOf(entry: DetailEntry, userNames: UserNameRule, options: DetailOptions): Batch | string {
  if (entry.problem !== null) return entry.problem
  const { attributes } = entry
  const isOurs = attributes['Gatepost-Report'] !== undefined
  const stream: ImportedStream | null =
    attributes['Gatepost-Status'] !== undefined || attributes['Acct-Status-Type'] !== undefined
      ? 'radius_accounting'
      : attributes['Gatepost-Result'] !== undefined
        ? 'post_auth'
        : null
  if (stream === null) return 'skipped'
  const now = Date.now()
  const time = eventTime(
    isOurs ? (attributes['Gatepost-Time'] ?? '') : timeOf(attributes),
    now,
    options.retention[stream],
  )
  if (time === 'too_old') return 'expired'
  if (typeof time === 'string') return `its time is ${time === 'none' ? 'missing' : time}`
  const keys = stream === 'post_auth' ? POST_AUTH_KEYS : ACCOUNTING_KEYS
  const body = isOurs ? ownBody(attributes) : listReport(Buffer.from(JSON.stringify(attributes)), '', keys).json
  const fields = new JsonFields(keys)
  const wrong = fields.parse(body)
  if (wrong !== null) return wrong
  const { source } = options
  const reportSource = stream === 'post_auth' ? 'post-auth' : 'accounting'
  const batchId = isOurs
    ? reportIdentity(reportSource, source, attributes['Gatepost-Report'])
    : createHash('md5').update(`detail ${source}/${entry.text}`).digest()
  const cursor = new Cursor(64 + Math.max(postAuthBytes(body.length), accountingBytes(body.length)))
  cursor.uint(time.at)
  batchId.copy(cursor.bytes, cursor.position)
  cursor.position += batchId.length
  cursor.uint(0)
  const sender = { remoteIp: '', source }
  if (stream === 'post_auth') {
    if (fields.blank(AUTHENTICATION_RESULT)) return 'authentication_result is missing'
    const overlong = overlongField(fields)
    if (overlong !== null) return overlong.error
    if (!encodePostAuth(cursor, fields, sender, newPostAuthStats(), { probes: options.probes, userNames }))
      return 'skipped'
  } else {
    const problem = accountingProblem(fields) ?? overlongAccounting(fields)
    if (problem !== null) return problem.error
    encodeAccounting(cursor, fields, sender, { at: time.at, now, userNames, stats: newAccountingStats() })
  }
  return {
    stream,
    schema: recordSchema(stream),
    batchId,
    recordCount: 1,
    minReceivedAt: time.at,
    maxReceivedAt: time.at,
    records: cursor.bytes.subarray(0, cursor.position),
  }
}

/** When FreeRADIUS wrote the entry, less the time for which the NAS had tried: the clock of a NAS may not be set. */
function timeOf(attributes: DetailEntry['attributes']): string {
  const written = attributes['Timestamp'] ?? ''
  const delay = Number(attributes['Acct-Delay-Time'] ?? 0)
  if (!/^\d{9,10}$/.test(written)) return attributes['Event-Timestamp'] ?? ''
  return String(Number(written) - (delay > 0 && delay < 7 * 86_400 ? delay : 0))
}

/** Values that the policies of deploy/freeradius have written with urlquote. */
function ownBody(attributes: DetailEntry['attributes']): Buffer {
  const fields: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(attributes['Gatepost-Counters'] ?? '')) fields[name] = value
  for (const [attribute, field] of Object.entries(OURS)) {
    const value = attributes[attribute]
    if (value !== undefined) fields[field] = new URLSearchParams(`value=${value}`).get('value') ?? ''
  }
  return Buffer.from(JSON.stringify(fields))
}

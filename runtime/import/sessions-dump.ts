import { createHash } from 'node:crypto'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { Cursor } from '../../ingest/encode/cursor.ts'
import {
  encodePostAuth,
  newPostAuthStats,
  overlongField,
  POST_AUTH_KEYS,
  postAuthBytes,
} from '../../ingest/encode/post-auth.ts'
import { JsonFields } from '../../ingest/parse/json.ts'
import { parseUtcText } from '../../ingest/parse/utc-text.ts'
import { recordSchema } from '../../schemas/avro.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Store } from '../../store/contract.ts'
import { userNameRule } from '../../store/user-names.ts'
import type { DetailOptions, DetailOutcome } from './detail.ts'
import { dumpRows, type DumpRow } from './dump-rows.ts'
import { Importer } from './importer.ts'

/*
 * Stores the logins of the GovWifi logging API: its table `sessions`. The identity of a row is its id in that table, so a dump that is
 * imported again, or a later one of the same table, adds what is missing.
 */

export type DumpOptions = Omit<DetailOptions, 'probes'>

const MAX_PROBLEMS = 20

/** @throws GatepostError of the store; INPUT_INVALID: the file cannot be read, or the installation stores user names by another rule */
export async function importSessionsDump(store: Store, file: string, options: DumpOptions): Promise<DetailOutcome> {
  const rule = await userNameRule(store)
  if (rule !== 'govwifi') {
    throw new GatepostError(
      'INPUT_INVALID',
      `the names in the dump have six characters, and this installation stores them by the rule ${rule}, so that they would be other people: ` +
        'import it into one that began with GATEPOST_USERNAMES=govwifi',
    )
  }
  const { retention, keys, progress, source } = options
  const importer = await Importer.open(store, { retention, keys, partition: 'sessions-dump' })
  const problems: string[] = []
  let entries = 0
  let bad = 0
  try {
    for await (const row of dumpRows(file)) {
      entries++
      const made = batchOf(row, source)
      if (typeof made !== 'string') {
        if (await importer.add(made)) progress(entries)
        continue
      }
      bad++
      if (problems.length < MAX_PROBLEMS) problems.push(`${file}:${row.line}: ${made}`)
    }
  } catch (error) {
    if (error instanceof GatepostError) throw error
    throw new GatepostError('INPUT_INVALID', `${file}: cannot be read: ${messageOf(error)}`, error)
  }
  await importer.flush()
  progress(entries)
  const { rows, present, expired, erased, deadLetters } = importer.totals
  return { file, entries, rows, present, expired, erased, skipped: 0, bad: bad + deadLetters, problems }
}

/** @returns the batch of a row, or what is wrong with it */
function batchOf({ values }: DumpRow, source: string): Batch | string {
  const text = (name: string) => values[name] ?? ''
  const start = text('start')
  const at = parseUtcText(start.includes('Z') || start === '' ? start : `${start.replace(' ', 'T')}Z`)
  if (Number.isNaN(at)) return `start is no time: ${JSON.stringify(start)}`
  const accepted = !['0', 'false', ''].includes(text('success').toLowerCase())
  const body = Buffer.from(
    JSON.stringify({
      username: text('username'),
      mac: text('mac'),
      called_station_id: text('ap') === '' ? text('building_identifier') : text('ap'),
      site_ip_address: text('siteIP'),
      cert_name: text('cert_name'),
      cert_serial: text('cert_serial'),
      cert_subject: text('cert_subject'),
      cert_issuer: text('cert_issuer'),
      authentication_result: text('authentication_result') || (accepted ? 'Access-Accept' : 'Access-Reject'),
      authentication_reply: text('authentication_reply'),
      task_id: text('task_id'),
    }),
  )
  const fields = new JsonFields(POST_AUTH_KEYS)
  const wrong = fields.parse(body) ?? overlongField(fields)?.error ?? null
  if (wrong !== null) return wrong
  const identity = text('id') === '' ? JSON.stringify(values) : text('id')
  const batchId = createHash('md5').update(`sessions ${source}/${identity}`).digest()
  const cursor = new Cursor(64 + postAuthBytes(body.length))
  cursor.uint(at)
  batchId.copy(cursor.bytes, cursor.position)
  cursor.position += batchId.length
  cursor.uint(0)
  encodePostAuth(cursor, fields, { remoteIp: '', source }, newPostAuthStats(), {
    probes: new Set(),
    userNames: 'govwifi',
  })
  return {
    stream: 'post_auth',
    schema: recordSchema('post_auth'),
    batchId,
    recordCount: 1,
    minReceivedAt: at,
    maxReceivedAt: at,
    records: cursor.bytes.subarray(0, cursor.position),
  }
}

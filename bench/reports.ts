import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLogger } from '../common/logger.ts'
import { sqlTime } from '../common/sql-time.ts'
import { findLogins, type LoginSearch } from '../reporter/queries/logins.ts'
import { computeMetric } from '../reporter/metrics/metric.ts'
import { metricsOf } from '../reporter/publish/publish.ts'
import { openEmbeddedStore } from '../store/embedded/open.ts'
import type { Store } from '../store/contract.ts'
import { describeMachine, machineText } from './machine.ts'
import { progress } from './options.ts'
import { percentile } from './statistics.ts'
import { table } from './table.ts'
import { retentionOf } from '../store/retention.ts'

/*
 * What do people wait for on a month of logins? The metrics of the daily set, and searches of the support desk. The logins are generated
 * inside the engine, day by day, as a fleet of 200 sites would report them; the columns that nobody asks for are empty.
 */

const METRIC_LIMIT_MS = 10_000
const SEARCH_LIMIT_MS = 1000
const DAYS = 31
const USERS = 2_000_000
const SITES = 200

const HELP = `What do people wait for on a month of logins: the metrics of the daily set (limit ${METRIC_LIMIT_MS / 1000} s each), and
searches of the support desk (limit ${SEARCH_LIMIT_MS / 1000} s each).

Usage: node dist/bench/reports.js [options]

Options:
  --millions N  logins of the month (default 10; the limits are meant for 100, which takes some minutes and 5 GB to generate)
  --rounds N    how often each is asked (default 5)
  --json        print one JSON document

Examples:
  node dist/bench/reports.js
  node dist/bench/reports.js --millions 100 --json`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    json: { type: 'boolean', default: false },
    millions: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
  },
})
if (values.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}
const millions = Number(values.millions)
const rounds = Number(values.rounds)
if (!(millions >= 1 && millions <= 1000 && rounds >= 1 && rounds <= 100)) {
  process.stderr.write('--millions is a number from 1 to 1000, --rounds one from 1 to 100\n')
  process.exit(2)
}

const end = new Date(new Date().toISOString().slice(0, 10))
const start = new Date(end.getTime() - DAYS * 86_400_000)

/** One day after the other: an insert's block is sorted in memory. */
async function generate(store: Store): Promise<void> {
  const perDay = Math.round((millions * 1e6) / DAYS)
  for (let day = 0; day < DAYS; day++) {
    progress(`generating day ${day + 1} of ${DAYS}`)
    await store.command(
      `INSERT INTO gatepost.post_auth (received_at, username, ssl_username, mac, ap, building_identifier, site_ip, success,
         authentication_result, authentication_reply, cert_serial, cert_issuer, eap_type, batch_id, batch_index)
       WITH cityHash64(number, {day:UInt32}) AS random, random % ${USERS} AS person, intHash32(person) % 10 = 0 AS certificate,
         bitShiftRight(random, 20) % 10 != 0 AS accepted
       SELECT toDateTime64({start:UInt32}, 3, 'UTC') + toIntervalMillisecond(intDiv(number * 86400000, {rows:UInt64})),
         if(certificate, '', upper(substring(hex(intHash32(person)), 1, 6))), if(certificate, concat('host/', toString(person)), ''),
         concat('50-A6-', substring(leftPad(hex(person), 6, '0'), 1, 2), '-', substring(leftPad(hex(person), 6, '0'), 3, 2), '-',
           substring(leftPad(hex(person), 6, '0'), 5, 2), '-0', toString(bitShiftRight(random, 40) % 3)),
         concat('C4-13-E2-22-DC-', hex(toUInt8(bitShiftRight(random, 48)))), if(bitShiftRight(random, 12) % 50 = 0, concat('Building ', toString(random % 40)), ''),
         concat('192.0.2.', toString((person + if(bitShiftRight(random, 8) % 7 = 0, random % 5, 0)) % ${SITES})), accepted,
         if(accepted, 'Access-Accept', 'Access-Reject'), if(accepted, '', ['Wrong password', 'Unknown user', 'Certificate expired'][bitShiftRight(random, 30) % 3 + 1]),
         if(certificate, hex(person), ''), if(certificate, 'CN=Fleet CA', ''), if(certificate, 'EAP-TLS', 'MSCHAP'),
         toUUID('00000000-0000-0000-0000-000000000000'), 0
       FROM numbers({rows:UInt64})`,
      { day, start: Math.round(start.getTime() / 1000) + day * 86_400, rows: perDay },
    )
  }
  await store.command(`INSERT INTO gatepost.settings (name, value) VALUES ('user_names', 'govwifi')`)
  await store.command(
    `INSERT INTO gatepost.accounts (username, contact, sponsor, created_at)
     SELECT upper(substring(hex(intHash32(number)), 1, 6)), concat('+49', toString(number)),
       if(number % 3 = 0, 'desk@example.org', concat('+49', toString(number))), toDateTime64({start:UInt32} + number % 2000000, 3, 'UTC')
     FROM numbers(${USERS})`,
    { start: Math.round(start.getTime() / 1000) },
  )
  await store.command(
    `INSERT INTO gatepost.ip_locations (ip, location_id) SELECT concat('192.0.2.', toString(number)), intDiv(number, 2) FROM numbers(${SITES})`,
  )
}

const IN_WINDOW =
  "received_at >= {start:DateTime64(3, 'UTC')} AND received_at < {end:DateTime64(3, 'UTC')} AND username != ''"
/** What some metrics would cost without login_calendar. */
const RAW = {
  'active users': `SELECT uniqExact(username) FROM gatepost.post_auth WHERE ${IN_WINDOW} AND success = 1`,
  'users and sites': `SELECT uniqExact(username, site_ip) FROM gatepost.post_auth WHERE ${IN_WINDOW} AND success = 1`,
  'user devices': `SELECT avg(macs) FROM (SELECT uniqExactIf(mac, mac != '') AS macs FROM gatepost.post_auth WHERE ${IN_WINDOW} GROUP BY username)`,
  'users of each day': `SELECT avg(users) FROM (SELECT uniqExact(username) AS users FROM gatepost.post_auth WHERE ${IN_WINDOW} GROUP BY toDate(received_at))`,
}

interface Figure {
  readonly question: string
  readonly limit_ms: number
  readonly median_ms: number
  /** Of the limit. */
  readonly ratio: number
}

/** What the tables of logins take, by the engine's own count. */
async function sizes(store: Store): Promise<{ table: string; rows: number; mib: number }[]> {
  const rows = await store.query<{ table: string; rows: string; bytes: string }>(
    `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
     WHERE database = 'gatepost' AND active AND table IN ('post_auth', 'login_calendar', 'account_logins')
     GROUP BY table ORDER BY table`,
  )
  return rows.map(({ table, rows, bytes }) => ({ table, rows: Number(rows), mib: Math.round(Number(bytes) / 2 ** 20) }))
}

async function measure(question: string, limit_ms: number, ask: () => Promise<unknown>): Promise<Figure> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    progress(`${question}, ${round + 1} of ${rounds}`)
    const started = performance.now()
    await ask()
    times.push(performance.now() - started)
  }
  const median_ms = Math.round(percentile(times, 0.5))
  return { question, limit_ms, median_ms, ratio: Number((median_ms / limit_ms).toFixed(3)) }
}

const directory = mkdtempSync(join(tmpdir(), 'gatepost-reports-'))
const logger = createLogger('bench')
logger.level = 'warn'
const machine = await describeMachine()
const store = await openEmbeddedStore({ path: join(directory, 'store'), logger, retention: retentionOf(3650) })
try {
  await store.migrate()
  await generate(store)
  const tables = await sizes(store)
  const figures: Figure[] = []
  const now = new Date(end.getTime() + 3_600_000)
  for (const period of ['day', 'month'] as const) {
    for (const metric of metricsOf(period)) {
      const request = {
        metric,
        period,
        date: end.toISOString().slice(0, 10),
        partial: false,
        retention: retentionOf(3650),
        now,
      }
      figures.push(await measure(`${metric.name}, ${period}`, METRIC_LIMIT_MS, () => computeMetric(store, request)))
    }
  }
  progress('the same from the raw rows')
  const window = { start: sqlTime(start), end: sqlTime(end) }
  for (const [question, select] of Object.entries(RAW)) {
    const ask = () => store.query(select, window)
    figures.push(await measure(`${question}, ${DAYS} days, from every login`, METRIC_LIMIT_MS, ask))
  }
  const [person] = await store.query<Record<'username' | 'mac' | 'cert_serial', string>>(
    `SELECT any(username) AS username, any(mac) AS mac, anyIf(cert_serial, cert_serial != '') AS cert_serial FROM
       (SELECT username, mac, cert_serial FROM gatepost.post_auth WHERE username != '' OR cert_serial != '' LIMIT 100000)`,
  )
  const searches: Record<string, Partial<LoginSearch>> = {
    'logins of a user': { user: person.username || 'A1B2C3' },
    'logins of a device': { mac: person.mac },
    'logins of a certificate': { cert: person.cert_serial },
    'refused logins at a site': { site: '192.0.2.7', failed: true },
    'logins at an access point': { ap: 'C4-13-E2-22-DC-55' },
    'logins in a building': { building: 'Building 7' },
    'logins of nobody': { user: 'nobody at all' },
  }
  for (const [question, wanted] of Object.entries(searches)) {
    const search: LoginSearch = { failed: false, since: start, until: end, limit: 50, ...wanted }
    figures.push(await measure(question, SEARCH_LIMIT_MS, () => findLogins(store, search)))
  }
  progress('')
  if (values.json) {
    process.stdout.write(JSON.stringify({ bench: 'reports', machine, logins: millions * 1e6, tables, figures }) + '\n')
  } else {
    const rows = figures.map(({ question, limit_ms, median_ms, ratio }) => [
      question,
      String(median_ms),
      String(limit_ms),
      ratio.toFixed(3),
    ])
    const beyond = figures.filter(({ ratio }) => ratio > 1).map(({ question }) => question)
    process.stdout.write(`On ${millions} million logins of ${DAYS} days, median of ${rounds}
${machineText(machine)}
${tables.map((each) => `${each.table}: ${each.rows} rows, ${each.mib} MiB`).join('\n')}

${table(['question', 'median ms', 'limit ms', 'of the limit'], rows)}

${beyond.length === 0 ? 'all within their limits' : `BEYOND their limits: ${beyond.join(', ')}`}
`)
  }
} finally {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
}

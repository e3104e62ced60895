import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { METRICS } from '../../reporter/metrics/definitions.ts'
import { Instance } from '../helpers/instance.ts'
import { untilEnough } from '../helpers/until.ts'
import { runCli, runHere } from '../../cli/test/run-cli.ts'
import { Sender } from '../../demo/sender.ts'

/* A small demo, filled through real listeners; then the same directory under a plain `serve`. */

const DAY_MS = 86_400_000
const work = mkdtempSync(join(tmpdir(), 'gatepost-demo-'))
t.teardown(() => rmSync(work, { recursive: true, force: true }))
const instance = await Instance.create(join(work, 'demo'))
const env = Object.fromEntries(
  Object.entries(instance.env).filter(([name, value]) => name.startsWith('GATEPOST_') && value !== undefined),
) as Record<string, string>
/** The last noon: three days until midnight have no logins on the first of four dates. */
const NOON = new Date(Math.floor((Date.now() - DAY_MS / 2) / DAY_MS) * DAY_MS + DAY_MS / 2).toISOString().slice(0, 16)
const SMALL = ['demo', '--sites', '5', '--days', '3', '--seed', '7', '--until', NOON, '--no-serve']

t.test('all records that were sent are in the tables', async (t) => {
  const { status, stderr, stdout } = await runCli(SMALL, env)
  t.equal(status, 0, stdout + stderr)
  const said =
    /(\d+) logins, (\d+) of them rejected; (\d+) heartbeats; (\d+) portal sessions with (\d+) reports; (\d+) dead letters/.exec(
      stderr,
    )
  if (said === null) throw new Error(stderr)
  const [logins, rejected, heartbeats, sessions, reports, dead_letters] = said.slice(1).map(Number)
  await instance.start()
  t.match(instance.output, 'generated data of gatepost demo')
  const [row] = await query(`SELECT
    (SELECT count() FROM post_auth) AS logins, (SELECT countIf(success = 0) FROM post_auth) AS rejected,
    (SELECT count() FROM gateway_pings) AS heartbeats, (SELECT count() FROM portal_sessions) AS sessions,
    (SELECT count() FROM gateway_auth) AS reports, (SELECT count() FROM dead_letters) AS dead_letters`)
  t.same(row, { logins, rejected, heartbeats, sessions, reports, dead_letters })
  t.ok(logins > 200 && rejected > 0 && heartbeats > 200 && sessions > 5)
})

t.test('the records have the times of three days, not the time of sending', async (t) => {
  const [row] =
    await query(`SELECT uniqExact(toDate(received_at)) AS days, uniqExact(toStartOfHour(received_at)) AS hours,
    dateDiff('hour', min(received_at), max(received_at)) AS span, dateDiff('day', min(received_at), max(received_at)) + 1 AS dates,
    max(received_at) > now() AS future FROM post_auth`)
  // Four dates, but around midnight: the minutes of the first or of the last one may be without a login.
  t.equal(row['days'], row['dates'], 'no day is without a login')
  t.match(String(Number(row['days'])), /^[34]$/)
  t.ok(Number(row['hours']) > 20 && Number(row['span']) >= 60)
  t.equal(Number(row['future']), 0)
})

t.test('sessions are computed from their reports', async (t) => {
  const [row] =
    await query(`SELECT countIf(state = 'logged_out') AS logged_out, countIf(reports > 0 AND incoming = 0) AS silent,
    sum(incoming) > 0 AS traffic, countIf(ended < first_seen) AS backwards, countIf(mac = '' OR gw_id = '') AS nobody FROM sessions`)
  t.ok(Number(row['logged_out']) > 0)
  t.match(row, { silent: 0, traffic: 1, backwards: 0, nobody: 0 })
})

t.test('accounts, names of sites and gateways, and trusted heartbeats from registered addresses', async (t) => {
  const [row] = await query(`SELECT (SELECT count() FROM account_status WHERE last_login IS NOT NULL) > 50 AS accounts,
    (SELECT count() FROM ip_locations) AS sites, (SELECT countIf(name != '') FROM gateways) AS named,
    (SELECT countIf(trusted = 0) FROM gateway_pings) AS untrusted`)
  t.match(row, { accounts: 1, sites: 5, untrusted: 0 })
  t.ok(Number(row['named']) >= 4)
})

t.test('every metric can be computed for every day', async (t) => {
  const rows = await query(
    `SELECT metric_name, uniqExact(date) AS dates FROM metrics WHERE period = 'day' GROUP BY metric_name`,
  )
  const daily = METRICS.filter(({ periods }) => periods.includes('day')).map(({ name }) => name)
  t.same(rows.map((row) => row['metric_name']).sort(), [...daily].sort())
  // Of the 30 days before one of these days, some have expired.
  const whole = rows.filter(({ metric_name }) => !String(metric_name).startsWith('monthly-'))
  t.ok(whole.every(({ dates }) => Number(dates) >= 3))
})

t.test('a plain serve uses its own clock and ignores the header', async (t) => {
  const { gatewayPort, ingestPort } = instance
  const before = Date.now()
  for (const key of ['', '0'.repeat(64)]) {
    const sender = new Sender({ gatewayPort, ingestPort, key, connections: 1, overrides: true })
    const body = JSON.stringify({
      username: 'CLOCKY',
      authentication_result: 'Access-Accept',
      site_ip_address: '192.0.2.1',
    })
    await sender.send({ at: 1_600_000_000_000, kind: 'login', login: { body, accepted: true } })
    sender.close()
  }
  const rows = await untilEnough(
    () => query(`SELECT toUnixTimestamp64Milli(received_at) AS at FROM post_auth WHERE username = 'clocky'`),
    (found) => found.length === 2,
  )
  t.equal(rows.length, 2)
  t.ok(rows.every(({ at }) => Number(at) >= before))
})

t.test('a directory that is not empty is refused', async (t) => {
  await instance.stop()
  const again = await runCli(SMALL, env)
  t.equal(again.status, 2)
  t.match(again.stderr, 'already holds a demo')
  const other = join(work, 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'somebody.txt'), 'mine')
  const mixed = await runCli(SMALL, { ...env, GATEPOST_DATA_DIR: other })
  t.equal(mixed.status, 2)
  t.match(mixed.stderr, 'is not empty')
})

t.test('invalid options are refused', async (t) => {
  const fresh = { ...env, GATEPOST_DATA_DIR: join(work, 'none') }
  for (const [options, message] of [
    [['--days', '31'], '--days 31: allowed is a whole number, 1 to 30'],
    [['--sites', '0'], '--sites 0'],
    [['--until', '2999-01-01'], 'is in the future'],
    [['--until', '2020-02-30'], '--until 2020-02-30'],
    [['--until', '2020-02-03'], 'would expire at once'],
  ] as const) {
    const { status, stderr } = await runHere(['demo', ...options], fresh)
    t.equal(status, 2, options.join(' '))
    t.match(stderr, message)
  }
  const kafka = { ...fresh, GATEPOST_KAFKA_BROKERS: '127.0.0.1:1', GATEPOST_SECRET: 'x'.repeat(32) }
  const { status, stderr } = await runHere(['demo'], kafka)
  t.equal(status, 2)
  t.match(stderr, 'unset GATEPOST_KAFKA_BROKERS')
})

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const response = await fetch(
    `http://127.0.0.1:${instance.sqlPort}/?database=gatepost&output_format_json_quote_64bit_integers=0`,
    { method: 'POST', body: `${sql} FORMAT JSON` },
  )
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return (JSON.parse(text) as { data: Record<string, unknown>[] }).data
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { openMigratedStore } from '../../../test/helpers/migrated-store.ts'
import { retentionOf } from '../../../store/retention.ts'
import { importDetail, type DetailOptions, type DetailOutcome } from '../detail.ts'

const directory = t.testdir()
const logger = createLogger('detail-test')
logger.level = 'silent'
const store = await openMigratedStore({ path: join(directory, 'store'), logger })
t.teardown(() => store.close())

const NOW = Math.floor(Date.now() / 1000)
const options: DetailOptions = {
  source: 'radius-1',
  retention: retentionOf(32),
  probes: new Set(['HEALTH']),
  keys: () => [],
  progress: () => {},
}

function file(name: string, ...entries: string[][]): string {
  const path = join(directory, name)
  const texts = entries.map((lines) => `Sun Nov 29 10:00:00 2026\n${lines.map((line) => `\t${line}\n`).join('')}\n`)
  writeFileSync(path, texts.join(''))
  return path
}

/** Its counts that are not 0. */
const counts = (outcome: DetailOutcome) =>
  Object.fromEntries(Object.entries(outcome).filter(([, value]) => typeof value === 'number' && value !== 0))

t.test('the files of deploy/freeradius: logins and accounting, once', async (t) => {
  const login = (id: string, name: string, at = NOW - 3600, ...more: string[]) => [
    `Timestamp = ${at}`,
    `Gatepost-Time = "${at}.250000"`,
    `Gatepost-Report = "${id}"`,
    `Gatepost-Username = "${name}"`,
    'Gatepost-Result = "Access-Accept"',
    'Gatepost-Mac = "50%3Aa6%3A7f%3A84%3A9c%3Ad1"',
    'Gatepost-Called-Station = "C4-13-E2-22-DC-55%3ACaf%C3%A9"',
    ...more,
  ]
  const stop = [
    `Timestamp = ${NOW - 60}`,
    `Gatepost-Time = "${NOW - 90}"`,
    'Gatepost-Report = "c1"',
    'Gatepost-Status = "Stop"',
    'Gatepost-Unique-Session = "0123"',
    'Gatepost-Session = "5F3A"',
    'Gatepost-Username = "Alice%40Example.ORG"',
    'Gatepost-Nas-Identifier = "lobby"',
    'Gatepost-Counters = "acct_session_time=600&acct_output_octets=7&acct_output_gigawords=1&acct_terminate_cause=User-Request&acct_delay_time=30"',
  ]
  const path = file(
    'ours',
    login('a1', 'Alice%40Example.ORG'),
    login('a1', 'Alice%40Example.ORG'),
    login('a2', 'bob', NOW - 40 * 86_400),
    login('a3', 'HEALTH'),
    ['Gatepost-Report = "a4"', 'Gatepost-Result = "Access-Accept"'],
    [...login('a5', 'carol'), 'not an attribute'],
    stop,
  )
  const first = await importDetail(store, path, options)
  t.same(counts(first), { entries: 7, rows: 2, present: 1, expired: 1, skipped: 1, bad: 2 })
  t.match(first.problems, [/ours:\d+: its time is missing/, /ours:\d+: line \d+: not an attribute/])
  t.same(
    await store.query(
      `SELECT username, mac, ssid, source, toString(toUnixTimestamp64Milli(received_at)) AS at FROM gatepost.post_auth`,
    ),
    [
      {
        username: 'alice@example.org',
        mac: '50-A6-7F-84-9C-D1',
        ssid: 'Café',
        source: 'radius-1',
        at: String((NOW - 3600) * 1000 + 250),
      },
    ],
  )
  t.match(await store.query('SELECT * FROM gatepost.radius_sessions'), [
    { session_id: '0123', state: 'stopped', end_reason: 'User-Request', gw_id: 'lobby', incoming: String(2 ** 32 + 7) },
  ])
  t.same(counts(await importDetail(store, path, options)), { entries: 7, present: 3, expired: 1, skipped: 1, bad: 2 })
})

t.test("FreeRADIUS's own files of accounting", async (t) => {
  const entry = (status: string, time: number, ...more: string[]) => [
    `Acct-Status-Type = ${status}`,
    'User-Name = "d\\303\\251sir\\"e"',
    'Acct-Session-Id = "77"',
    'Calling-Station-Id = "02-00-00-00-00-07"',
    'NAS-IP-Address = 192.0.2.9',
    'Event-Timestamp = "Jan  1 1970 00:10:00 UTC"',
    'Acct-Unique-Session-Id = "stock"',
    `Timestamp = ${time}`,
    ...more,
  ]
  const path = file(
    'stock',
    entry('Start', NOW - 900),
    entry('Interim-Update', NOW - 600, 'Acct-Session-Time = 300', 'Acct-Input-Octets = 10', 'Acct-Delay-Time = 5'),
    entry('Interim-Update', NOW - 600, 'Acct-Session-Time = 300', 'Acct-Input-Octets = 10', 'Acct-Delay-Time = 5'),
    ['Packet-Type = Access-Request', 'User-Name = "x"', `Timestamp = ${NOW}`],
    ['Acct-Status-Type = Tunnel-Start', `Timestamp = ${NOW}`],
  )
  const outcome = await importDetail(store, path, { ...options, source: '' })
  t.same(counts(outcome), { entries: 5, rows: 2, present: 1, skipped: 1, bad: 1 })
  t.match(outcome.problems, [/stock:\d+: acct_status_type is none of/])
  t.same(
    await store.query(
      `SELECT username, nas, status_type, toString(toUnixTimestamp64Milli(event_at)) AS at FROM gatepost.radius_accounting
       WHERE unique_id = 'stock' ORDER BY event_at`,
    ),
    [
      { username: 'désir"e', nas: '192.0.2.9', status_type: 'Start', at: String((NOW - 900) * 1000) },
      { username: 'désir"e', nas: '192.0.2.9', status_type: 'Interim-Update', at: String((NOW - 605) * 1000) },
    ],
  )
  t.equal((await importDetail(store, path, { ...options, source: '' })).rows, 0)
  await t.rejects(importDetail(store, join(directory, 'missing'), options), { code: 'INPUT_INVALID' })
})

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Command } from 'commander'
import t, { type Test } from 'tap'
import { programToLookAt, runCli } from '../../cli/test/run-cli.ts'
import { sqlTime } from '../../common/sql-time.ts'
import { openMigratedStore } from '../helpers/migrated-store.ts'
import { insertRows } from '../../store/insert-rows.ts'
import { Instance } from '../helpers/instance.ts'
import { until } from '../helpers/until.ts'

/*
 * "Active" means now, wherever it is shown. Symptom: a session whose time was over, and of which no report came, was counted as active in one place and not in
 * another. Two sessions are at a gateway, and one of them is past its end. Each place has to be in a list here, with how many sessions it shows as active, or
 * with why it shows none; a new view, property, metric or command that may show some fails until it is.
 */

const GATEWAY = 'hall'
const LIVE = '00000000000000aa'
const OVER = '00000000000000bb'
const MINUTE_MS = 60_000

/** Counts the active sessions that are shown; text: why none are shown. */
type Place = string | (() => Promise<number>)

const dataDir = join(t.testdir(), 'data')
const instance = await Instance.create(dataDir, { GATEPOST_SESSION_TIMEOUT_INTERVALS: '1000' })
t.teardown(() => instance.destroy())

const one = async (sql: string) => Number((await instance.query<{ n: number }>(`SELECT toUInt32(${sql}) AS n`))[0].n)
const api = async <T>(path: string): Promise<T> => {
  const response = await fetch(instance.url(path, instance.dashboardPort))
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return (await response.json()) as T
}
const command = async <T>(...words: string[]) =>
  JSON.parse((await runCli([...words, '--json'], { GATEPOST_DATA_DIR: dataDir })).stdout) as T
const counted = (rows: readonly { state: string }[]) => rows.filter(({ state }) => state === 'active').length

const VIEWS: Record<string, Place> = {
  'gateway_sessions.ended': () => one('(SELECT countIf(ended IS NULL) FROM gatepost.gateway_sessions)'),
  'gateway_sessions.state': () => one("(SELECT countIf(state = 'active') FROM gatepost.gateway_sessions)"),
  'gateways.clients': () => one('(SELECT sum(clients) FROM gatepost.gateways)'),
  'gateways.state': 'of the gateway',
  'radius_sessions.ended': 'a NAS tells no end beforehand',
  'radius_sessions.state': 'a NAS tells no end beforehand',
  'sessions.ended': () => one('(SELECT countIf(ended IS NULL) FROM gatepost.sessions)'),
  'sessions.state': () => one("(SELECT countIf(state = 'active') FROM gatepost.sessions)"),
}

type Row = { state: string; ended: string | null; clients: number }
const lives = () => Promise.all([LIVE, OVER].map((id) => api<{ session: Row }>(`/api/sessions/${id}`)))
/** What the pages of the dashboard show. */
const API: Record<string, Place> = {
  '/api/gateways clients': async () => (await api<{ gateways: Row[] }>('/api/gateways')).gateways[0].clients,
  '/api/gateways state': 'of the gateway',
  '/api/logins devices': 'that ever logged in',
  '/api/overview sessions': async () => (await api<{ sessions: { active: number } }>('/api/overview')).sessions.active,
  '/api/sessions ended': async () => (await api<Row[]>('/api/sessions')).filter(({ ended }) => ended === null).length,
  '/api/sessions state': async () => {
    const [all, active] = [await api<Row[]>('/api/sessions'), await api<Row[]>('/api/sessions?active=1')]
    t.equal(active.length, counted(all))
    return active.length
  },
  '/api/sessions/{id} ended': async () => (await lives()).filter(({ session }) => session.ended === null).length,
  '/api/sessions/{id} state': async () => counted((await lives()).map(({ session }) => session)),
  '/api/vouchers devices': 'of vouchers, in the access log: a place ends with its session',
  '/api/vouchers state': 'of the voucher',
}

const METRICS: Record<string, Place> = {
  gatepost_gateway_channels: 'connections',
  gatepost_sessions: async () => {
    const text = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
    return Number(/^gatepost_sessions\{[^}]*state="active"[^}]*\} (\d+)$/m.exec(text)?.[1])
  },
  gatepost_sessions_computed_until_timestamp_seconds: 'a time',
  gatepost_sql_active: 'of the SQL endpoint',
  gatepost_sql_sessions: 'of the SQL endpoint',
}

const WRITES = 'it decides, and shows no session'
const COMMANDS: Record<string, Place> = {
  'access allow': WRITES,
  'access deny': async () => {
    const { online } = await command<{ online: { sessions: number }[] }>('access', 'deny', 'gateway', GATEWAY)
    return online.reduce((sum, { sessions }) => sum + sessions, 0)
  },
  'access vouchers create': WRITES,
  'access vouchers revoke': WRITES,
  gateways: async () => (await command<Row[]>('gateways'))[0].clients,
  'gateways register': WRITES,
  'gateways unregister': WRITES,
  'import sessions-dump': WRITES,
  logins: 'of RADIUS',
  sessions: async () => {
    const [all, active] = [await command<Row[]>('sessions'), await command<Row[]>('sessions', '--active')]
    t.equal(active.length, counted(all))
    return active.length
  },
  tail: 'records as they come',
}

async function insertSessions(): Promise<void> {
  const store = await openMigratedStore({ path: join(dataDir, 'store') })
  const now = Date.now()
  const own = (session_id: string, ago: number) => ({
    ...{ session_id, gw_id: GATEWAY, mac: `50-A6-7F-84-9C-${session_id.slice(-2).toUpperCase()}` },
    ...{ received_at: sqlTime(now - ago), batch_id: randomUUID(), batch_index: 0 },
  })
  const ends = { [LIVE]: now + 60 * MINUTE_MS, [OVER]: now - 1000 }
  const sessions = Object.entries(ends).map(([id, at]) => {
    const row = own(id, 10 * MINUTE_MS)
    return { ...row, issued: row.received_at, method: 'click', use_by: row.received_at, ends: sqlTime(at) }
  })
  const reports = [LIVE, OVER].flatMap((id) => [
    { ...own(id, 9 * MINUTE_MS), stage: 'login', auth_code: 1, own: 1 },
    { ...own(id, 10_000), stage: 'counters', auth_code: 1, own: 1 },
  ])
  // Every twenty minutes, so that nothing is too old while the test runs.
  const pings = [60, 40, 20, 0].map((minutes) => {
    const { received_at, batch_id, batch_index, gw_id } = own(LIVE, minutes * MINUTE_MS)
    return { received_at, batch_id, batch_index, gw_id, trusted: 1 }
  })
  for (const [table, rows] of Object.entries({
    portal_sessions: sessions,
    gateway_auth: reports,
    gateway_pings: pings,
  }))
    await insertRows(store, `gatepost.${table} (${Object.keys(rows[0]).join(', ')})`, rows)
  await store.close()
}

const SHOWS = /^(state|states|active|online|clients|devices|sessions|ended)$|_(state|active|online|clients)$/

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly anyOf?: readonly Schema[]
}

/** Properties that may show it, at any depth. */
function propertiesOf(schema: Schema | undefined, named: Readonly<Record<string, Schema>>): string[] {
  if (schema === undefined) return []
  const { $ref, properties = {}, items, additionalProperties, anyOf = [] } = schema
  const referred = $ref === undefined ? undefined : named[$ref.slice($ref.lastIndexOf('/') + 1)]
  const within = [referred, items, additionalProperties, ...anyOf, ...Object.values(properties)]
  return [
    ...Object.keys(properties).filter((name) => SHOWS.test(name)),
    ...within.flatMap((each) => propertiesOf(each, named)),
  ]
}

/** Commands that print JSON, and say that they are about sessions or gateways. Metrics count whole days. */
function commandsOf(program: Command, name = ''): string[] {
  if (name === 'metrics' || name === 'publish') return []
  const below = program.commands.flatMap((each) => commandsOf(each, `${name} ${each.name()}`.trim()))
  const texts = [program.summary(), program.description(), ...program.options.map(({ description }) => description)]
  const isAbout = /session|online|active|client|gateway/i.test(texts.join(' '))
  return program.options.some(({ long }) => long === '--json') && isAbout ? [name, ...below] : below
}

const sorted = (names: Iterable<string>) => [...new Set(names)].sort()

async function check(t: Test, places: Record<string, Place>, found: Iterable<string>): Promise<void> {
  t.same(sorted(found), sorted(Object.keys(places)), 'all that may show active sessions is in the list')
  for (const [name, place] of Object.entries(places)) {
    if (typeof place === 'string') continue
    let shown = 0
    // Both sessions are there once one is: the other one was over before.
    await until(async () => (shown = await place()) >= 1)
    t.equal(shown, 1, name)
  }
}

await insertSessions()
await instance.start()

t.test('in the tables', async (t) => {
  const columns = await instance.query<{ table: string; name: string }>(
    "SELECT table, name FROM system.columns WHERE database = 'gatepost'",
  )
  const shows = columns.filter(({ name }) => SHOWS.test(name))
  await check(
    t,
    VIEWS,
    shows.map(({ table, name }) => `${table}.${name}`),
  )
})

t.test('on the dashboard, and in its API', async (t) => {
  interface Description {
    readonly paths: Record<
      string,
      { get?: { responses: Record<string, { content?: Record<string, { schema: Schema }> }> } }
    >
    readonly components: { schemas: Record<string, Schema> }
  }
  const { paths, components } = await api<Description>('/api/openapi.json')
  const found = Object.entries(paths).flatMap(([path, { get }]) =>
    propertiesOf(get?.responses['200']?.content?.['application/json']?.schema, components.schemas).map(
      (name) => `${path} ${name}`,
    ),
  )
  await check(t, API, found)
})

t.test('in metrics', async (t) => {
  const text = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  const gauges = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name)
  await check(
    t,
    METRICS,
    gauges.filter((name) => /session|client|online|active|device|channel/.test(name)),
  )
})

t.test('in commands', async (t) => {
  await check(t, COMMANDS, commandsOf(programToLookAt()))
})

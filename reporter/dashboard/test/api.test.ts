// The tests check answers field by field.
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call */
/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-explicit-any */
/* eslint-disable @typescript-eslint/no-unnecessary-type-assertion */
import t from 'tap'
import { pino } from 'pino'
import { until } from '../../../test/helpers/until.ts'
import { insertRows } from '../../../store/table-store.ts'
import { openEngine } from '../../test/engine.ts'
import type { VoucherOrder, VoucherState } from '../../../access/vouchers.ts'
import type { DashboardOptions } from '../options.ts'
import { startDashboard } from '../server.ts'
import { fillBelievably } from './believable.ts'
import { USUAL } from './usual-options.ts'

/* The API over the real engine, through HTTP. */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())
await fillBelievably(store)

const decided: string[] = []
const replayed: string[] = []
const forgotten: string[] = []
const VOUCHER: VoucherState = {
  id: 'b'.repeat(24),
  label: 'fair',
  state: 'in_use',
  validForMs: 86_400_000,
  maxDevices: 2,
  devices: 1,
  sessionMs: null,
  quotaBytes: null,
  wins: 'first',
  createdAt: 1_709_208_000_000,
  firstUsed: 1_709_208_000_000,
  ends: 1_709_294_400_000,
}
const ordered: VoucherOrder[] = []
const released: string[] = []
const usual: DashboardOptions = {
  store,
  ...USUAL,
  lag: () => [{ topic: 'post_auth', bytes: 10, seconds: 1.5 }],
  listeners: null,
  cutOff: (id, reason) => {
    decided.push(`${id} ${reason}`)
    return Promise.resolve()
  },
  vouchers: {
    create: (order) => {
      ordered.push(order)
      return Promise.resolve([{ id: 'a'.repeat(24), code: '7GQ2-M0XK-4TVA' }])
    },
    list: () => Promise.resolve([VOUCHER]),
    release: (id) => {
      released.push(id)
      return Promise.resolve(id === VOUCHER.id ? 1 : null)
    },
  },
  replayLetter: ({ batchId, batchIndex }, payload) => {
    replayed.push(`${batchId}/${batchIndex} ${payload ?? 'as it was'}`)
    return Promise.resolve({ table: 'post_auth', received_at: '2024-02-29 12:00:00.000', rows: 1 })
  },
  forgetter: {
    hash: ({ kind }) => `hash-of-a-${kind}`,
    forget: ({ kind, value }, dryRun) => {
      forgotten.push(`${kind} ${value}${dryRun ? ' (counted)' : ''}`)
      return Promise.resolve({
        dry_run: dryRun,
        tables: { post_auth: 7 },
        access_control: 1,
        archive: { segments: 0, records: 0 },
        remains: ['in files'],
      })
    },
  },
  logger: pino({ level: 'silent' }),
}

async function start(test: Pick<typeof t, 'teardown'>, options: Partial<DashboardOptions> = {}) {
  const dashboard = await startDashboard({ ...usual, ...options })
  test.teardown(() => dashboard.close())
  const base = `http://127.0.0.1:${dashboard.port}`
  return {
    base,
    get: async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(base + path, { headers, redirect: 'manual' })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
      return {
        status: response.status,
        text,
        headers: response.headers,
        json: isJson ? (JSON.parse(text) as Any) : null,
      }
    },
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(base + path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json', ...headers },
      }),
  }
}

type Any = any

/** The audit log, once it has a row of this action: what is only counted is written a little later. */
async function auditOnceComplete(last: string): Promise<{ who: string; action: string; subject: string }[]> {
  const read = () =>
    store.query<{ who: string; action: string; subject: string }>(
      'SELECT who, action, subject FROM gatepost.audit_log ORDER BY at',
    )
  await until(async () => (await read()).some(({ action }) => action === last))
  return read()
}

t.test('the answer of each route', async (t) => {
  const { get } = await start(t)
  const ok = async (path: string) => {
    const { status, text, json } = await get(path)
    t.equal(status, 200, `${path} ${text.slice(0, 300)}`)
    return json as Any
  }
  const overview = await ok('/api/overview')
  t.equal(overview.logins.length, 60)
  t.ok(overview.logins.some(({ accepted }: Any) => accepted > 0))
  t.same(overview.gateways, { up: 16, late: 1, down: 1 })
  t.equal(overview.sessions.active, 45)
  t.same(overview.lag, [{ topic: 'post_auth', bytes: 10, seconds: 1.5 }])
  t.same(
    overview.intake.map(({ table }: Any) => table),
    ['gateway_auth', 'gateway_pings', 'portal_sessions', 'post_auth', 'radius_accounting'],
  )

  const sites = await ok('/api/sites?hours=24&limit=5')
  t.equal(sites.sites.length, 5)
  t.equal(sites.sites[0].steps.length, 24)
  const all = (await ok('/api/sites?hours=168')).sites
  t.match(all.find(({ site_ip }: Any) => site_ip === '192.0.2.0').name, 'Town hall')
  t.equal(all[0].steps.length, 28)
  t.ok(sites.sites[0].reasons.length > 0)
  const { accepted, refused, steps } = sites.sites[0]
  t.equal(
    steps.reduce((sum: number, step: Any) => sum + step.accepted + step.refused, 0),
    accepted + refused,
  )

  const gateways = await ok('/api/gateways?state=down')
  t.equal(gateways.total, 1)
  t.equal(gateways.gateways[0].strip.length, 24)
  t.equal((await ok('/api/gateways?search=town%20hall')).total, 1)
  const pageOf = async (page: number) => (await ok(`/api/gateways?limit=3&page=${page}`)).gateways
  const [onFirst, onSecond] = [await pageOf(1), await pageOf(2)]
  t.equal(onFirst.length, 3)
  t.equal(new Set([...onFirst, ...onSecond].map(({ gw_id }: Any) => gw_id)).size, 6)
  t.same(await pageOf(7), [])

  t.test('every page of a list, each row on one of them', async (t) => {
    for (const [path, rowsOf, keyOf, total] of [
      ['/api/sessions?limit=25', (body: Any) => body, ({ gw_id, session_id }: Any) => `${gw_id} ${session_id}`, 60],
      ['/api/sessions?active=1&limit=25', (body: Any) => body, ({ session_id }: Any) => session_id, 45],
      ['/api/sites?limit=10', ({ sites }: Any) => sites, ({ site_ip }: Any) => site_ip, 24],
      [
        '/api/logins?user=u00007&limit=20',
        ({ logins }: Any) => logins,
        ({ received_at, task_id }: Any) => `${received_at} ${task_id}`,
        null,
      ],
    ] as const) {
      const seen: string[] = []
      let said: number | null = null
      for (let page = 1; ; page++) {
        const { json: body, headers } = await get(`${path}&page=${page}`)
        said = body.total ?? Number(headers.get('x-total-count'))
        const keys = rowsOf(body).map(keyOf) as string[]
        seen.push(...keys)
        if (keys.length < 10) break
      }
      if (total !== null) t.equal(said, total, path)
      t.equal(seen.length, said, path)
      t.equal(new Set(seen).size, seen.length, path)
    }
    const many = await ok('/api/logins?limit=5')
    t.equal(many.total, 10_001, 'more are not counted')
    t.equal((await get('/api/vouchers?page=2')).json.length, 0)
    for (const list of ['gateways', 'sessions', 'sites'])
      t.equal((await get(`/api/${list}?page=1000`)).status, 200, list)
    t.equal((await get('/api/logins?page=101')).status, 400, 'beyond those that are counted')
  })

  const sessions = await ok('/api/sessions?active=1&limit=2')
  t.equal(sessions.length, 2)
  const life = await ok(`/api/sessions/${sessions[0].session_id}`)
  t.equal(life.session.session_id, sessions[0].session_id)
  t.equal(life.events.length, 30)
  t.equal(life.events[0].stage, 'login')
  t.equal((await get('/api/sessions/nobody')).status, 404)

  const health = await ok('/api/data-health')
  t.same(health.dead_letter_reasons[0].reason, 'number_invalid')
  t.equal(health.dead_letters.length, 40)
  t.equal(health.publications.length, 18)
  t.same(health.refused, [{ kind: 'record', of: 'post_auth', reason: 'LOG_FULL', count: 3 }])
})

t.test('metrics over time, as JSON and CSV', async (t) => {
  const { get } = await start(t)
  const list = (await get('/api/metrics')).json as Any[]
  t.ok(list.some(({ name }) => name === 'active-users'))
  const first = (await get('/api/metrics/active-users?period=day')).json as Any
  t.equal(first.results.length, 30)
  t.ok(first.results.at(-1).users > 0)
  t.same(first.waiting, [])
  const again = (await get('/api/metrics/active-users?period=day')).json as Any
  t.same(again.results, first.results, 'the stored ones are the same')
  const csv = await get('/api/metrics/active-users?period=day&format=csv')
  t.match(csv.headers.get('content-type'), /text\/csv/)
  t.equal(csv.text.trim().split('\n').length, 31)
  t.match(csv.text, /^metric_name,period,date,users,stored,complete\n/)
  const rows = (await get('/api/metrics/request-stats')).json as Any
  t.equal(rows.results.length, 24)
  t.ok(Array.isArray(rows.results[0].rows))
  const all = (await get('/api/metrics/gateway-availability?period=day')).json as Any
  const totals = (await get('/api/metrics/gateway-availability?period=day&rows=last')).json as Any
  const [last, lastTotals] = [all.results.at(-1), totals.results.at(-1)]
  t.same(lastTotals.rows, last.rows)
  const sum = (field: string) => last.rows.reduce((sum: number, row: Any) => sum + row[field], 0)
  t.same(lastTotals.totals.seen, sum('seen'))
  t.equal(lastTotals.totals.ratio, sum('ratio') / last.rows.length)
  t.equal(lastTotals.totals.longest_gap_seconds, Math.max(...last.rows.map((row: Any) => row.longest_gap_seconds)))
  t.equal(totals.results[0].rows, undefined)
  const dates = async (period: string) => {
    const { results, expired } = (await get(`/api/metrics/active-users?period=${period}`)).json as Any
    return [...expired, ...results.map(({ date }: Any) => date)].map((date) => new Date(date))
  }
  t.same([...new Set((await dates('week')).map((date) => date.getUTCDay()))], [1], 'as the schedule stores them')
  t.same([...new Set((await dates('month')).map((date) => date.getUTCDate()))], [1])
  const from = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10)
  for (const { name, periods } of list) {
    const asked = periods[0] === 'month' ? name : `${name}?from=${from}`
    t.equal((await get(`/api/metrics/${asked}`)).status, 200, name)
  }
})

t.test('invalid parameters are refused with the reason', async (t) => {
  const { get, base } = await start(t)
  for (const [path, status, error] of [
    ['/api/metrics/nothing', 404, /there is no metric nothing/],
    ['/api/metrics/inactive-users?period=day', 400, /allowed is month/],
    ['/api/metrics/active-users?period=year', 400, /period/],
    ['/api/metrics/active-users?from=2023-02-30', 400, /2023-02-30 is not a day/],
    ['/api/metrics/active-users?from=2999-01-01', 400, /./],
    ['/api/metrics/active-users?from=1990-01-01', 400, /there are more than/],
    ['/api/logins?mac=nonsense', 400, /mac: not a MAC/],
    ['/api/logins?mac=50a67f849cd1&user=x', 400, /one of them at a time/],
    ['/api/logins?limit=0', 400, /limit/],
    ['/api/sites?hours=25', 400, /hours/],
    ['/api/sessions?limit=100000', 400, /limit/],
    ['/api/nothing', 404, /openapi/],
  ] as const) {
    const answer = await get(path)
    t.equal(answer.status, status, path)
    t.match((answer.json as Any).error, error, path)
  }
  const evil = await fetch(`${base}/api/overview`, { headers: { Origin: 'http://evil.example' } })
  t.equal(evil.status, 403)
  const { json } = await get('/api/openapi.json')
  t.match(json, {
    openapi: '3.1.0',
    paths: { '/api/overview': {}, '/api/sessions/{id}/cut-off': { post: {} }, '/api/forget': { post: {} } },
  })
})

t.test('searches for people are in the audit log', async (t) => {
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  const { get } = await start(t)
  const { json } = await get('/api/logins?user=U00001&failed=&limit=20')
  t.ok(json.logins.length > 0 && json.logins.length <= 20)
  t.match(json.account, { username: 'u00001' })
  t.ok(json.devices.length > 0)
  await get('/api/logins?%75ser=%55%30%30001%20%26%C3%A9&mac=&days=7')
  await get('/api/sessions?account=U00001')
  const [{ session_id: id }] = (await get('/api/sessions?gateway=&active=1')).json as Any[]
  await get(`/api/sessions/${id}`)
  await get('/api/sessions/nobody')
  await get('/api/data-health')
  await get('/api/data-health')
  const rows = await store.query('SELECT who, action, subject, remote_ip FROM gatepost.audit_log ORDER BY at')
  t.same(rows, [
    { who: 'local', action: 'logins_search', subject: 'user=U00001&days=33&limit=20&page=1', remote_ip: '127.0.0.1' },
    {
      who: 'local',
      action: 'logins_search',
      subject: 'user=U00001%20%26%C3%A9&days=7&limit=100&page=1',
      remote_ip: '127.0.0.1',
    },
    { who: 'local', action: 'sessions_search', subject: 'account=U00001&limit=100&page=1', remote_ip: '127.0.0.1' },
    { who: 'local', action: 'sessions_listed', subject: 'active=1&limit=100&page=1', remote_ip: '127.0.0.1' },
    { who: 'local', action: 'session_viewed', subject: `session:${id}`, remote_ip: '127.0.0.1' },
    { who: 'local', action: 'session_viewed', subject: 'session:nobody', remote_ip: '127.0.0.1' },
    { who: 'local', action: 'dead_letters_viewed', subject: '', remote_ip: '127.0.0.1' },
  ])
})

t.test('unknown parameters, and those that are given twice, are refused', async (t) => {
  // Symptom: a long unknown parameter kept the name out of the audit log. Root cause: it recorded the address, cut.
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  const { get, post } = await start(t)
  const { json } = await get('/api/openapi.json')
  type Operations = Record<string, unknown>
  for (const [path, operations] of Object.entries(json.paths as Record<string, Operations>)) {
    const target = path
      .replace('{name}', 'active-users')
      .replace('{batch_id}', '01234567-89ab-cdef-0123-456789abcdef')
      .replace('{batch_index}', '1')
      .replace('{id}', 'x')
    for (const method of Object.keys(operations)) {
      const query = `${target}?${'x'.repeat(2000)}=1`
      const body = path.endsWith('/login') ? { password: 'x' } : {}
      const { status } = method === 'get' ? await get(query) : await post(query, body)
      t.equal(status, 400, `${method} ${path}`)
    }
  }
  for (const page of ['/', '/logins', '/sessions', '/sessions/x', '/usage', '/login', '/forget'])
    t.equal((await get(`${page}?x=1`)).status, 400, page)
  t.equal((await get('/logins?user=a&user=b')).status, 400)
  t.equal((await get('/api/logins?user=a&user=b')).status, 400)
  t.equal((await get(`/api/logins?user=${'a'.repeat(257)}`)).status, 400)
  t.equal((await get('/logins?user=a&days=7')).status, 200)
  t.same(await store.query('SELECT action FROM gatepost.audit_log'), [])
})

t.test('with a password: logging in, roles, and cutting off', async (t) => {
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  const { get, post, base } = await start(t, { password: 'operator’s own', viewerPassword: 'viewer’s own' })
  t.equal((await get('/api/overview')).status, 401)
  const page = await get('/logins?user=x')
  t.equal(page.status, 303)
  t.equal(page.headers.get('location'), '/login?next=%2Flogins%3Fuser%3Dx')
  t.equal((await get('/login')).status, 200)

  for (const type of ['application/json;x', 'application/jsonx', 'text/plain'])
    t.equal((await post('/api/login', { password: 'wrong' }, { 'Content-Type': type })).status, 400, type)
  t.equal((await post('/api/login', { password: 'wrong' })).status, 401)
  const cookieOf = async (password: string) => {
    const answer = await post('/api/login', { password })
    t.equal(answer.status, 200)
    const cookie = answer.headers.get('set-cookie') ?? ''
    t.match(cookie, /HttpOnly/)
    t.match(cookie, /SameSite=Strict/)
    return { Cookie: cookie.split(';')[0] }
  }
  const viewer = await cookieOf('viewer’s own')
  const operator = await cookieOf('operator’s own')
  t.same((await get('/api/whoami', viewer)).json.can_cut_off, false)
  t.same((await get('/api/whoami', operator)).json.who, 'operator')
  const [{ session_id: id }] = (await get('/api/sessions?active=1', viewer)).json as Any[]

  t.equal((await post(`/api/sessions/${id}/cut-off`, {}, viewer)).status, 403)
  t.equal((await post(`/api/sessions/${id}/cut-off`, {})).status, 401)
  const otherPort = { ...operator, Origin: 'http://127.0.0.1:1' }
  t.equal((await post(`/api/sessions/${id}/cut-off`, {}, otherPort)).status, 403, 'a page of another port')
  t.equal((await post(`/api/sessions/${id}/cut-off`, {}, { ...operator, 'Content-Type': 'text/plain' })).status, 400)
  t.equal((await post('/api/sessions/nobody/cut-off', {}, operator)).status, 404)
  t.same(decided, [])
  t.equal((await post(`/api/sessions/${id}/cut-off`, { reason: 'abuse' }, { ...operator, Origin: base })).status, 200)
  t.same(decided, [`${id} abuse`])

  const letter = '/api/dead-letters/01234567-89ab-cdef-0123-456789abcdef/3/replay'
  t.equal((await post(letter, {}, viewer)).status, 403)
  t.equal((await post('/api/dead-letters/x/3/replay', {}, operator)).status, 400)
  t.equal((await post(letter, { payload: '{}' }, operator)).status, 200)
  t.same(replayed, ['01234567-89ab-cdef-0123-456789abcdef/3 {}'])

  const bearer = { Authorization: `Bearer ${encodeURIComponent('x')}` }
  t.equal((await get('/api/overview', bearer)).status, 401)
  await post('/api/logout', {}, viewer)
  t.equal((await get('/api/overview', viewer)).status, 401, 'logged out')
  t.same(await auditOnceComplete('cookie_refused'), [
    { who: 'nobody', action: 'login_refused', subject: '' },
    { who: 'viewer', action: 'login', subject: '' },
    { who: 'operator', action: 'login', subject: '' },
    { who: 'viewer', action: 'sessions_listed', subject: 'active=1&limit=100&page=1' },
    { who: 'viewer', action: 'role_refused', subject: `session:${id}` },
    { who: 'operator', action: 'session_cut_off', subject: `session:${id}` },
    { who: 'viewer', action: 'role_refused', subject: '01234567-89ab-cdef-0123-456789abcdef/3' },
    { who: 'operator', action: 'dead_letter_replayed', subject: '01234567-89ab-cdef-0123-456789abcdef/3' },
    { who: 'nobody', action: 'bearer_refused', subject: '' },
    { who: 'viewer', action: 'logout', subject: '' },
    { who: 'nobody', action: 'cookie_refused', subject: '' },
  ])

  for (let tries = 0; tries < 9; tries++) await post('/api/login', { password: 'wrong' })
  t.equal((await post('/api/login', { password: 'operator’s own' })).status, 429, 'too many wrong passwords')
})

t.test('forgetting: a dry run by default, and in the audit log without the person', async (t) => {
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  const { get, post } = await start(t, { password: 'operators', viewerPassword: 'viewers' })
  const [operator, viewer] = ['operators', 'viewers'].map((password) => ({ Authorization: `Bearer ${password}` }))
  t.equal((await post('/api/forget', { user: 'Alice' })).status, 401)
  t.equal((await post('/api/forget', { user: 'Alice', dry_run: false }, viewer)).status, 403)
  t.equal((await post('/api/forget', { user: 'Alice' }, viewer)).status, 403, 'counting too')
  t.same(forgotten, [])
  t.match((await get('/api/whoami', viewer)).json, { can_forget: false, cannot_forget: null })
  t.match((await get('/api/whoami', operator)).json, { can_forget: true })

  const counted = await post('/api/forget', { user: 'Alice' }, operator)
  t.same(await counted.json(), {
    dry_run: true,
    tables: { post_auth: 7 },
    access_control: 1,
    archive: { segments: 0, records: 0 },
    remains: ['in files'],
  })
  t.equal((await post('/api/forget', { mac: '02:4b:9d:e1:77:3c', dry_run: false }, operator)).status, 200)
  t.same(forgotten, ['user Alice (counted)', 'mac 02-4B-9D-E1-77-3C'])
  for (const [body, error] of [
    [{}, /give one of them/],
    [{ user: 'a', mac: '02:4b:9d:e1:77:3c' }, /give one of them/],
    [{ mac: 'nonsense' }, /mac: not a MAC/],
    [{ user: 'a'.repeat(257) }, /user/],
    [{ user: 'a', dry_run: 'no' }, /dry_run/],
  ] as const) {
    const answer = await post('/api/forget', body, operator)
    t.equal(answer.status, 400)
    t.match(((await answer.json()) as Any).error, error)
  }
  t.same(await auditOnceComplete('forget'), [
    { who: 'viewer', action: 'role_refused', subject: 'user:hash-of-a-user' },
    { who: 'operator', action: 'forget_counted', subject: 'user:hash-of-a-user' },
    { who: 'operator', action: 'forget', subject: 'mac:hash-of-a-mac' },
  ])
})

t.test('one person is forgotten at a time, and only by a process that can forget', async (t) => {
  let end = () => {}
  let begun = () => {}
  const running = new Promise<void>((resolve) => (begun = resolve))
  const forget = () => {
    begun()
    return new Promise<never>((_, reject) => (end = () => reject(new Error('away'))))
  }
  const { post } = await start(t, { forgetter: { hash: () => '', forget } })
  const first = post('/api/forget', { user: 'Alice', dry_run: false })
  await running
  t.equal((await post('/api/forget', { user: 'Bob' })).status, 409)
  end()
  t.equal((await first).status, 500)
  const cannot = await start(t, { forgetter: 'GATEPOST_SECRET is not set' })
  const answer = await cannot.post('/api/forget', { user: 'Alice' })
  t.equal(answer.status, 409)
  t.same(await answer.json(), { error: 'GATEPOST_SECRET is not set' })
  t.match((await cannot.get('/api/whoami')).json, { can_forget: false, cannot_forget: 'GATEPOST_SECRET is not set' })
})

t.test('behind a trusted proxy, clients have their own addresses', async (t) => {
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  const { post } = await start(t, { password: 'operator’s own', trustedProxies: ['127.0.0.1'] })
  const from = (address: string, password: string) =>
    post('/api/login', { password }, { 'X-Forwarded-For': `203.0.113.9, ${address}` })
  for (let tries = 0; tries < 10; tries++) await from('192.0.2.1', 'wrong')
  t.equal((await from('192.0.2.1', 'operator’s own')).status, 429)
  t.equal((await from('192.0.2.2', 'operator’s own')).status, 200)
  t.same(await store.query("SELECT remote_ip FROM gatepost.audit_log WHERE action = 'login'"), [
    { remote_ip: '192.0.2.2' },
  ])
})

t.test('a bearer token works, and a process without the access log cannot cut off', async (t) => {
  const { get, post } = await start(t, { password: 'ascii only', cutOff: null })
  const headers = { Authorization: 'Bearer ascii only' }
  t.equal((await get('/api/overview', headers)).status, 200)
  t.equal((await get('/api/whoami', headers)).json.can_cut_off, false)
  t.equal((await post('/api/sessions/x/cut-off', {}, headers)).status, 404)
})

t.test('a session of RADIUS is cut off where its NAS can be asked', async (t) => {
  const packet = {
    received_at: new Date().toISOString().replace('T', ' ').slice(0, 23),
    nas: 'lobby',
    unique_id: 'of-radius',
    status_type: 'Start',
    username: 'carol',
  }
  const row = { ...packet, event_at: packet.received_at }
  await insertRows(store, `gatepost.radius_accounting (${Object.keys(row).join(', ')})`, [row])
  decided.length = 0
  const without = await start(t, { disconnects: false })
  t.match((await without.get('/api/whoami')).json, { can_cut_off: true, can_disconnect: false })
  t.equal((await without.post('/api/sessions/of-radius/cut-off', {})).status, 400)
  t.same(decided, [])
  const { get, post } = await start(t)
  t.match((await get('/api/whoami')).json, { can_cut_off: true, can_disconnect: true })
  t.equal((await post('/api/sessions/of-radius/cut-off', { reason: 'abuse' })).status, 200)
  t.same(decided, ['of-radius abuse'])
})

t.test('vouchers: made and released by operators, and never with their codes in the audit log', async (t) => {
  await store.command('TRUNCATE TABLE gatepost.audit_log')
  const { get, post } = await start(t, { password: 'operators', viewerPassword: 'viewers' })
  const [operator, viewer] = ['operators', 'viewers'].map((password) => ({ Authorization: `Bearer ${password}` }))
  const order = { count: 3, valid_for_seconds: 86_400, label: 'fair & square', quota_bytes: 2e9, session_seconds: 3600 }
  t.equal((await post('/api/vouchers', order)).status, 401)
  t.equal((await post('/api/vouchers', order, viewer)).status, 403)
  t.match((await get('/api/whoami', viewer)).json, { has_vouchers: true, can_make_vouchers: false })
  t.same(ordered, [])
  const made = await post('/api/vouchers', { ...order, url: 'http://hello.example/' }, operator)
  t.equal(made.status, 200)
  const { terms, vouchers } = (await made.json()) as Any
  t.same(terms, ['1 day', '1 device', '1 hour at a time', '2 GB'])
  t.match(vouchers, [{ code: '7GQ2-M0XK-4TVA', qr: { path: /^M\d+ \d+h1v1h-1z/ } }])
  t.match(ordered, [
    { count: 3, validForMs: 86_400_000, sessionMs: 3_600_000, quotaBytes: 2e9, maxDevices: 1, wins: 'first' },
  ])
  for (const wrong of [
    { ...order, count: 201 },
    { ...order, valid_for_seconds: 1 },
    { ...order, url: 'https://hello.example/' },
    { ...order, wins: 'nobody' },
  ])
    t.equal((await post('/api/vouchers', wrong, operator)).status, 400)
  t.match((await get('/api/vouchers', viewer)).json, [{ id: VOUCHER.id, devices: 1, max_devices: 2, state: 'in_use' }])
  t.equal((await post(`/api/vouchers/${VOUCHER.id}/release`, {}, viewer)).status, 403)
  t.equal((await post(`/api/vouchers/${VOUCHER.id}/release`, {}, operator)).status, 200)
  t.equal((await post(`/api/vouchers/${'c'.repeat(24)}/release`, {}, operator)).status, 404)
  t.same(released, [VOUCHER.id, 'c'.repeat(24)])
  t.same(await auditOnceComplete('voucher_released'), [
    { who: 'viewer', action: 'role_refused', subject: 'count=3&label=fair%20%26%20square' },
    { who: 'operator', action: 'vouchers_created', subject: 'count=3&label=fair%20%26%20square' },
    { who: 'viewer', action: 'role_refused', subject: `voucher:${VOUCHER.id}` },
    { who: 'operator', action: 'voucher_released', subject: `voucher:${VOUCHER.id}` },
    { who: 'operator', action: 'voucher_released', subject: `voucher:${'c'.repeat(24)}` },
  ])
  const without = await start(t, { vouchers: null })
  t.equal((await without.post('/api/vouchers', order)).status, 404)
})

t.test('two gateways of one id are told of', async (t) => {
  const { get } = await start(t)
  t.equal(((await get('/api/overview')).json as { same_id: number }).same_id, 0)
  const beat = (ago: number, uptime: number) => ({
    received_at: new Date(Date.now() - ago * 1000).toISOString().replace('T', ' ').slice(0, 23),
    gw_id: 'twins',
    wifidog_uptime: uptime,
    remote_ip: '198.51.100.77',
    trusted: 1,
  })
  const beats = [4, 3, 2, 1].flatMap((minute) => [
    beat(minute * 60, 90_000 - minute * 60),
    beat(minute * 60 - 20, 900 - minute * 60 + 20),
  ])
  await insertRows(store, `gatepost.gateway_pings (${Object.keys(beats[0]).join(', ')})`, beats)
  const { get: later } = await start(t)
  t.match((await later('/api/gateways?search=twins')).json, {
    gateways: [{ gw_id: 'twins', warning: 'same_id', addresses: ['198.51.100.77'] }],
  })
  t.equal(((await later('/api/overview')).json as { same_id: number }).same_id, 1)
})

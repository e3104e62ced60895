import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { untilEnough } from '../helpers/until.ts'

/* The dashboard of a whole instance: it shows the reports of gateways, and ingest denies a session that is cut off there. */

const PASSWORD = 'of the operators'

t.test('a session is shown, and cut off', async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_DASHBOARD_PASSWORD: PASSWORD,
    GATEPOST_SQL_PASSWORD: 'of analysts',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  t.match(instance.output, `http://127.0.0.1:${instance.dashboardPort}   dashboard`)

  const api = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const headers = { Authorization: `Bearer ${PASSWORD}`, 'Content-Type': 'application/json' }
    const response = await fetch(instance.url(path, instance.dashboardPort), { ...init, headers })
    const body = (await response.json()) as T
    t.equal(response.status, 200, `${path} ${JSON.stringify(body).slice(0, 200)}`)
    return body
  }
  const auth = async (stage: string) => {
    const query = `stage=${stage}&ip=10.0.0.9&mac=50:a6:7f:84:9c:d1&token=foreign&incoming=1000&outgoing=50&gw_id=hall`
    return (await fetch(instance.url(`/auth/?${query}`, instance.gatewayPort))).text()
  }

  t.equal((await fetch(instance.url('/api/overview', instance.dashboardPort))).status, 401)
  t.equal(await auth('login'), 'Auth: 1')
  t.equal(await auth('counters'), 'Auth: 1')
  type Sessions = { session_id: string; state: string }[]
  const [session] = await untilEnough(
    () => api<Sessions>('/api/sessions?mac=50a67f849cd1&active=1'),
    (sessions) => sessions.length > 0,
  )
  t.equal(session.state, 'active')
  const life = await api<{ events: { stage: string }[] }>(`/api/sessions/${session.session_id}`)
  t.same(
    life.events.map(({ stage }) => stage),
    ['login', 'counters'],
  )
  const { lag } = await api<{ lag: { topic: string }[] | null }>('/api/overview')
  t.ok(
    lag?.some(({ topic }) => topic === 'gateway_auth'),
    'this process reads the log',
  )

  const body = JSON.stringify({ reason: 'abuse' })
  t.same(await api(`/api/sessions/${session.session_id}/cut-off`, { method: 'POST', body }), {
    subject: `session:${session.session_id}`,
    verdict: 'deny',
    // Its gateway sends no heartbeats: the protocol's default.
    within_seconds: 120,
  })
  t.equal(
    await untilEnough(
      () => auth('counters'),
      (answer) => answer === 'Auth: 0',
    ),
    'Auth: 0',
  )
  const actions = await instance.query<{ who: string; action: string; subject: string }>(
    "SELECT who, action, subject FROM audit_log WHERE who = 'operator' ORDER BY at DESC LIMIT 1",
  )
  t.same(actions, [{ who: 'operator', action: 'session_cut_off', subject: `session:${session.session_id}` }])
  const bySql = await instance.queryUntil<{ who: string; remote_ip: string }>(
    "SELECT who, remote_ip FROM audit_log WHERE action = 'sql_query' AND subject = 'SELECT audit_log'",
    (found) => found.length > 0,
  )
  t.same(bySql[0], { who: 'sql:default', remote_ip: '127.0.0.1' })
  const queries = await instance.queryUntil<{ user: string; query: string }>(
    "SELECT DISTINCT user, query FROM sql_queries WHERE tables = ['audit_log'] AND exception_code = 0 AND query LIKE '%ORDER BY%'",
    (found) => found.length > 0,
  )
  t.match(queries, [{ user: 'default', query: /WHERE who = \? ORDER BY at DESC LIMIT \?/ }])
  t.equal(await instance.stop(), 0)
})

t.test('beyond loopback a password is needed', async (t) => {
  const env = { GATEPOST_PRIVATE_BIND: '0.0.0.0', GATEPOST_SQL_PASSWORD: 'of analysts' }
  const serve = await Instance.create(join(t.testdir(), 'data'), env)
  const { status, output } = await serve.refused()
  t.equal(status, 2)
  t.match(output, /GATEPOST_PRIVATE_BIND=0\.0\.0\.0: .*dashboard.*GATEPOST_DASHBOARD_PASSWORD/)
})

t.test('a dashboard with a password needs one of the SQL endpoint, which reads the same tables', async (t) => {
  const variables = ['GATEPOST_DASHBOARD_PASSWORD', 'GATEPOST_DASHBOARD_VIEWER_PASSWORD']
  for (const variable of variables) {
    const serve = await Instance.create(join(t.testdir(), 'data'), { [variable]: PASSWORD })
    const { status, output } = await serve.refused()
    t.equal(status, 2)
    t.match(output, new RegExp(`GATEPOST_SQL_PASSWORD is not set, but ${variable} is`))
  }
  const serve = await Instance.create(join(t.testdir(), 'data'), { GATEPOST_SQL_PASSWORD: 'short' })
  const { status, output } = await serve.refused()
  t.equal(status, 2)
  t.match(output, /GATEPOST_SQL_PASSWORD=\*+: allowed is at least 8 characters/)
})

t.test('a reporter shows the data of a server', async (t) => {
  const directory = t.testdir({ server: {} })
  const server = await StoreServer.start(join(directory, 'server'))
  t.teardown(() => server.stop())
  const env = { GATEPOST_CLICKHOUSE_URL: server.url() }
  const reporter = await Instance.create(join(directory, 'none'), env, { command: 'reporter' })
  t.teardown(() => reporter.destroy())
  await reporter.start()
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(reporter.url(path, reporter.dashboardPort))
    const text = await response.text()
    t.equal(response.status, 200, `${path} ${text.slice(0, 200)}`)
    return JSON.parse(text) as Record<string, unknown>
  }
  for (const path of ['sites', 'gateways', 'sessions', 'data-health', 'logins?user=x', 'metrics/account-usage'])
    await get(`/api/${path}`)
  t.equal((await get('/api/overview'))['lag'], null, 'the aggregator reads the log')
  t.match(await get('/api/whoami'), { who: 'local', can_cut_off: false }, 'no access decisions are known here')
  t.match(await get('/api/whoami'), { can_forget: false, cannot_forget: /GATEPOST_SECRET is not set for this process/ })
  t.equal(await reporter.stop(), 0)
})

import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import type { Forgotten } from '../../privacy/forget-person.ts'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'

/* Who may report logins: by credential, by network, on which listener. Addresses are given as a trusted proxy gives them. */

const OLD = 'secret-of-radius-1-until-now'
const NEXT = 'secret-of-radius-1-from-now-on'
const OTHER = 'secret-of-radius-2 !"#$%&()'.replace(' ', '')
const CREDENTIALS = `radius-1:${OLD},radius-1:${NEXT},radius-2:${OTHER}`

const basic = (name: string, secret: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`

/** Reports a login that `id` names. */
function report(
  instance: Instance,
  id: string,
  { from = '127.0.0.1', authorization = '', port = instance.ingestPort, body = '' } = {},
): Promise<Response> {
  const login = { username: 'someone', authentication_result: 'Access-Accept', task_id: id }
  return fetch(instance.url('/logging/post-auth', port), {
    method: 'POST',
    headers: { 'X-Forwarded-For': from, ...(authorization === '' ? {} : { authorization }) },
    body: body === '' ? JSON.stringify(login) : body,
  })
}

interface Row {
  readonly id: string
  readonly source: string
  readonly remote_ip: string
}

const rowsOf = (instance: Instance, count: number) =>
  instance.queryUntil<Row>(
    'SELECT task_id AS id, source, remote_ip FROM post_auth ORDER BY id',
    (rows) => rows.length >= count,
  )

t.test('logins are taken from known writers only', async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_TRUSTED_PROXIES: '127.0.0.1',
    GATEPOST_ARCHIVE_MAX_BYTES: '10 MiB',
    GATEPOST_INGEST_CREDENTIALS: CREDENTIALS,
    GATEPOST_INGEST_SOURCES: 'post-auth=192.0.2.0/24 2001:db8::/32,ping=198.51.100.9,auth=198.51.100.9',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const from = '192.0.2.7'

  const kept: [string, string, string, string][] = [
    ['1', from, basic('radius-1', OLD), 'radius-1'],
    ['2', from, basic('radius-1', NEXT), 'radius-1'],
    ['3', '2001:db8::7', basic('radius-2', OTHER), 'radius-2'],
    ['4', from, basic('radius-2', OTHER).replace('Basic', 'bASIC').replace(/=+$/, ''), 'radius-2'],
    ['5', from, `Bearer ${NEXT}`, 'radius-1'],
    ['6', from, `bearer ${OTHER}`, 'radius-2'],
  ]
  for (const [id, address, authorization] of kept) {
    const answer = await report(instance, id, { from: address, authorization })
    t.same([answer.status, answer.headers.get('x-gatepost-record')], [204, 'kept'], `${id}: ${authorization}`)
  }

  const forged = '{"username":"forged","authentication_result":"Access-Accept","task_id":"0"}'
  t.equal((await report(instance, '', { from, authorization: `Bearer ${OLD}`, body: forged })).status, 204)
  kept.unshift(['0', from, '', 'radius-1'])

  const refused: [string, string, string, number][] = [
    ['no credential', from, '', 401],
    ['a wrong secret', from, basic('radius-1', `${OLD}x`), 401],
    ['the beginning of a secret', from, `Bearer ${OLD.slice(0, -1)}`, 401],
    ["another writer's name", from, basic('radius-2', OLD), 401],
    ['an unknown name', from, basic('radius-3', OLD), 401],
    ['a name alone', from, basic('radius-1', ''), 401],
    ['no secret', from, 'Bearer ', 401],
    ['name and secret as a bearer', from, `Bearer radius-1:${OLD}`, 401],
    ['another scheme', from, `Digest ${OLD}`, 401],
    ['a long one', from, `Bearer ${'x'.repeat(8000)}`, 401],
    ['NUL after a secret', from, `Basic ${Buffer.from(`radius-1:${OLD}\0`).toString('base64')}`, 401],
    ['another network', '203.0.113.9', basic('radius-1', OLD), 403],
    ['another network, IPv6', '2001:db9::7', basic('radius-1', OLD), 403],
    ['the proxy itself', '127.0.0.1', basic('radius-1', OLD), 403],
  ]
  for (const [name, address, authorization, status] of refused) {
    const answer = await report(instance, `refused: ${name}`, { from: address, authorization })
    t.same([answer.status, answer.headers.get('x-gatepost-record')], [status, 'dropped'], name)
    t.equal(answer.headers.has('www-authenticate'), status === 401, name)
  }
  const onGateway = { from, authorization: basic('radius-1', OLD), port: instance.gatewayPort }
  t.equal((await report(instance, 'refused: gateway listener', onGateway)).status, 403)

  const bad = { from, authorization: basic('radius-1', OLD), body: '{"username":"someone"}' }
  t.equal((await report(instance, '', bad)).status, 400, 'a known writer reports what cannot be stored')

  for (const port of [instance.ingestPort, instance.gatewayPort]) {
    const get = async (target: string, address: string) => {
      const answer = await fetch(instance.url(target, port), { headers: { 'X-Forwarded-For': address } })
      return [answer.status, await answer.text()]
    }
    const ping = '/ping/?gw_id=g&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'
    const counters = '/auth/?stage=counters&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t&incoming=1&outgoing=2'
    t.same(await get(ping, '198.51.100.9'), [200, 'Pong'])
    t.same(await get(counters, '198.51.100.9'), [200, 'Auth: 1'])
    for (const target of [ping, counters]) t.equal((await get(target, '203.0.113.9'))[0], 403, target)
    const body = JSON.stringify({ counters: [] })
    const many = await fetch(instance.url('/auth/?stage=counters', port), { method: 'POST', body })
    t.equal(many.status, 403, 'counters of many clients')
  }

  t.same(
    await rowsOf(instance, kept.length),
    kept.map(([id, remote_ip, , source]) => ({ id, source, remote_ip })),
    'what was refused is not stored',
  )
  t.same(
    await instance.queryUntil('SELECT source, reason, remote_ip, sender FROM dead_letters', (rows) => rows.length > 0),
    [{ source: 'post-auth', reason: 'missing_field', remote_ip: from, sender: 'radius-1' }],
  )
  t.same(
    await instance.queryUntil(
      'SELECT toUInt32(count()) AS n FROM gateway_pings',
      ([row]) => (row as { n: number }).n >= 2,
    ),
    [{ n: 2 }],
  )
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  for (const [kind, reason, count] of [
    ['post-auth', 'no_credential', 1],
    ['post-auth', 'wrong_credential', 10],
    ['post-auth', 'source', 3],
    ['post-auth', 'listener', 1],
    ['ping', 'source', 2],
    ['auth', 'source', 4],
    ['ping', 'wrong_credential', 0],
  ] as const) {
    const sample = metrics
      .split('\n')
      .find((line) => line.includes('reports_refused_total{') && line.includes(`kind="${kind}",reason="${reason}"`))
    t.equal(sample?.split(' ').at(-1), String(count), `${kind} ${reason}`)
  }
  t.equal(instance.output.match(/refused a post-auth report from 192\.0\.2\.7: the credential/g)?.length, 1, 'one line')
  for (const secret of [OLD, NEXT, OTHER]) t.notOk(instance.output.includes(secret.slice(0, -1)), 'without the secret')

  await t.test('what a source wrote is removed, and does not come back', async (t) => {
    const gatepost = (...words: string[]) =>
      run(process.execPath, [packageFile('bin/gatepost'), ...words], { env: instance.env })
    const forget = async (...words: string[]) => {
      const { status, stdout, stderr } = await gatepost('forget', '--json', '--source', ...words)
      t.equal(status, 0, stderr)
      return JSON.parse(stdout) as Forgotten
    }
    t.match(await gatepost('forget', '--source', 'radius 1'), { status: 2, stderr: /INGEST_CREDENTIALS/ })
    t.match(await gatepost('forget', '--source', 'radius-1', '--user', 'x'), { status: 2, stderr: /one of/ })
    const archived = () => forget('radius-1', '--dry-run').then(({ archive }) => archive.records === 5)
    t.ok(await until(archived), 'four logins and a dead letter are in the archive too')
    t.match(await forget('radius-1'), {
      tables: { post_auth: 4, dead_letters: 1, login_calendar: 2 },
      archive: { records: 5 },
    })
    t.same(await instance.query('SELECT DISTINCT subject FROM login_calendar'), [{ subject: 'someone' }])
    const left = [
      { id: '3', source: 'radius-2', remote_ip: '2001:db8::7' },
      { id: '4', source: 'radius-2', remote_ip: from },
      { id: '6', source: 'radius-2', remote_ip: from },
    ]
    t.same(await rowsOf(instance, 3), left)
    const replayed = await gatepost('replay', '--archive', '--json')
    t.equal(replayed.status, 0, replayed.stderr)
    t.same(await rowsOf(instance, 3), left)
    t.equal((await report(instance, '7', { from, authorization: basic('radius-1', NEXT) })).status, 204)
    t.equal((await rowsOf(instance, 4)).length, 4, 'what it writes afterwards is kept')
  })

  await t.test('a secret that was replaced is not taken any more', async (t) => {
    await instance.stop()
    await instance.start({ GATEPOST_INGEST_CREDENTIALS: `radius-1:${NEXT}` })
    t.equal((await report(instance, '8', { from, authorization: basic('radius-1', OLD) })).status, 401)
    t.equal((await report(instance, '8', { from, authorization: basic('radius-1', NEXT) })).status, 204)
  })

  await t.test('while RADIUS servers get their credentials, logins without one are taken', async (t) => {
    await instance.stop()
    await instance.start({ GATEPOST_INGEST_OPEN: 'yes', GATEPOST_INGEST_SOURCES: '' })
    t.equal((await report(instance, '9', { from })).status, 204)
    t.equal((await report(instance, '9', { from, authorization: basic('radius-1', 'x') })).status, 401)
  })
})

t.test(
  'without credentials and networks, logins are taken from this machine, and nobody can be reached by others',
  async (t) => {
    const instance = await Instance.create(join(t.testdir(), 'data'), { GATEPOST_TRUSTED_PROXIES: '127.0.0.1' })
    t.teardown(() => instance.destroy())
    const open = await instance.refused({ GATEPOST_BIND: '0.0.0.0' })
    t.equal(open.status, 2)
    for (const remedy of ['CREDENTIALS', 'SOURCES', 'OPEN=yes'])
      t.match(open.output, new RegExp(`GATEPOST_BIND=0\\.0\\.0\\.0: .*GATEPOST_INGEST_${remedy}`))
    await instance.start()
    t.equal((await report(instance, 'here')).status, 204)
    t.equal((await report(instance, 'there', { from: '203.0.113.9' })).status, 403, 'through a proxy on this machine')
    t.same(await rowsOf(instance, 1), [{ id: 'here', source: '', remote_ip: '127.0.0.1' }])
    await instance.stop()
    await instance.start({ GATEPOST_BIND: '0.0.0.0', GATEPOST_INGEST_OPEN: 'yes' })
    t.equal((await report(instance, 'there', { from: '203.0.113.9' })).status, 204)
  },
)

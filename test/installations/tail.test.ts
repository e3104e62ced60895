import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Instance } from '../helpers/instance.ts'
import { gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { until } from '../helpers/until.ts'

/* `gatepost tail` beside a running instance, with either log. */

interface Following {
  readonly lines: string[]
  readonly child: ChildProcess
  notes: string
}

/** Resolves when everything that is sent afterwards will be shown. */
async function follow(t: Test, instance: Instance, ...arguments_: string[]): Promise<Following> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, instance.program, 'tail', ...arguments_], {
    env: instance.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const following: Following = { lines: [], child, notes: '' }
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    following.lines.push(...parts)
  })
  child.stderr.on('data', (chunk: Buffer) => (following.notes += String(chunk)))
  if (!(await until(() => following.notes.includes('following') || child.exitCode !== null)))
    throw new Error('no answer')
  if (child.exitCode !== null) throw new Error(following.notes)
  return following
}

function login(instance: Instance, username: string, more: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify({ username, authentication_result: 'Access-Accept', ...more })
  return fetch(instance.url('/logging/post-auth'), { method: 'POST', body })
}

const usersOf = ({ lines }: Following) => lines.map((line) => (JSON.parse(line) as { username: string }).username)

async function showsEachOnce(t: Test, instance: Instance, disturb: () => void): Promise<void> {
  await login(instance, 'before')
  const everybody = await follow(t, instance, 'post-auth', '--json')
  const alice = await follow(t, instance, 'post-auth', '--user', 'Alice', '--json')
  const refused = await follow(t, instance, 'post-auth', '--result', 'access-reject', '--limit', '2')
  const sent: string[] = []
  for (let index = 0; index < 200; index++) {
    const user = index % 50 === 7 ? 'alice' : `user${index}`
    const result = index % 50 === 9 ? { authentication_result: 'Access-Reject' } : {}
    if (index === 100) disturb()
    if ((await login(instance, user, result)).status !== 204) throw new Error('not kept')
    sent.push(user)
  }
  await until(() => everybody.lines.length >= sent.length)
  t.same(usersOf(everybody).sort(), [...sent].sort(), 'each record once')
  t.same(usersOf(alice), ['alice', 'alice', 'alice', 'alice'])
  const exited = refused.child.exitCode ?? ((await once(refused.child, 'exit')) as [number])[0]
  t.equal(exited, 0, 'it ends at the limit')
  t.equal(refused.lines.length, 2)
  t.match(refused.lines[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}username=user9 {2}.*authentication_result=Access-Reject/)
  alice.child.kill('SIGINT')
  t.same(await once(alice.child, 'exit'), [0, null])
}

t.test('journal: every record once, also when the store process is killed meanwhile', async (t) => {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), { GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const pings = await follow(t, instance, 'pings', '--gateway', '00:16:3e:11:22:33', '--json')
  for (const id of ['00163E112233', 'other'])
    await fetch(instance.url(`/ping?gw_id=${id}&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4`))
  t.ok(await until(() => pings.lines.length === 1))
  t.match(JSON.parse(pings.lines[0]), { gw_id: '00163E112233', received_at: /Z$/ })
  await showsEachOnce(t, instance, () => {
    for (const pid of instance.children('store-main')) process.kill(pid, 'SIGKILL')
  })
  let audited: { who: string; subject: string }[] = []
  await until(async () => {
    audited = await instance.query(
      `SELECT who, subject FROM audit_log WHERE action = 'records_followed' ORDER BY subject`,
    )
    return audited.length >= 4
  })
  t.same(
    audited.map(({ who, subject }) => `${who} ${subject}`),
    [
      'local pings gateway=00:16:3e:11:22:33',
      'local post-auth',
      'local post-auth result=access-reject',
      'local post-auth user=Alice',
    ],
  )
})

t.test('Kafka: every record once', async (t) => {
  const broker = await sharedBroker(t)
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    ...kafkaVariables(broker.brokers),
    GATEPOST_KAFKA_TOPIC_PREFIX: broker.prefix,
    GATEPOST_KAFKA_GROUP: broker.prefix,
  })
  t.teardown(() => instance.destroy())
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  await showsEachOnce(t, instance, () => undefined)
})

t.test('without a log, and with a stream that there is not, it is refused', async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'none'))
  t.match(await gatepost(instance, 'tail', 'pings'), { status: 2, stderr: /there is no journal/ })
  t.match(await gatepost(instance, 'tail', 'sessions'), { status: 2, stderr: /Allowed choices are pings, auth/ })
})

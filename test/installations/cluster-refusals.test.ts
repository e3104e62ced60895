import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { withAdmin } from '../../log/kafka/client/admin.ts'
import { freePorts, Instance, type InstanceCommand } from '../helpers/instance.ts'
import { singleBroker } from '../helpers/kafka.ts'
import { run } from '../helpers/run.ts'
import { whenStopped } from '../helpers/stopped.ts'
import { StoreServer } from '../helpers/store-server.ts'

/* Reasons for which a process of the cluster does not start, and its messages. */

const LOGIN = { username: 'gatepost', password: 'right' }
const broker = await singleBroker(t, { sasl: LOGIN })
const [nobody] = await freePorts(1)

const KAFKA = {
  GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
  GATEPOST_KAFKA_REPLICATION: '1',
  GATEPOST_KAFKA_PARTITIONS: '1',
  GATEPOST_KAFKA_SASL: 'plain',
  GATEPOST_KAFKA_USERNAME: LOGIN.username,
  GATEPOST_KAFKA_PASSWORD: LOGIN.password,
  GATEPOST_SECRET: 'a secret of the tests',
}
const SERVER = { GATEPOST_CLICKHOUSE_URL: `http://gatepost:hidden@127.0.0.1:${nobody}/gatepost` }

async function created(t: Test, command: InstanceCommand, env: Record<string, string>): Promise<Instance> {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data', command), env, { command })
  t.teardown(() => instance.destroy())
  return instance
}

t.test('a missing variable is named, with its purpose', async (t) => {
  const expected: [InstanceCommand, Record<string, string>, RegExp[]][] = [
    ['ingest', {}, [/GATEPOST_KAFKA_BROKERS is not set/, /GATEPOST_SECRET is not set/]],
    ['aggregator', {}, [/GATEPOST_KAFKA_BROKERS is not set/, /GATEPOST_CLICKHOUSE_URL is not set/]],
    ['aggregator', KAFKA, [/GATEPOST_CLICKHOUSE_URL is not set, gatepost aggregator needs it: .*for example/]],
    ['reporter', KAFKA, [/GATEPOST_CLICKHOUSE_URL is not set, gatepost reporter needs it: .*for example/]],
    ['serve', { ...KAFKA, GATEPOST_SECRET: '' }, [/GATEPOST_SECRET is not set, gatepost serve .*for example/]],
  ]
  for (const [command, env, messages] of expected) {
    const instance = await created(t, command, env)
    const { status, output } = await instance.refused()
    t.equal(status, 2, command)
    for (const message of messages) t.match(output, message)
    t.notOk(existsSync(instance.dataDir), 'nothing is created')
  }
})

t.test('unavailable brokers, and a wrong login', async (t) => {
  for (const command of ['ingest', 'serve', 'aggregator'] as const) {
    const instance = await created(t, command, { ...KAFKA, ...(command === 'aggregator' ? SERVER : {}) })
    const away = await instance.refused({ GATEPOST_KAFKA_BROKERS: `127.0.0.1:${nobody}` })
    t.equal(away.status, 1, command)
    t.match(away.output, new RegExp(`no Kafka broker answers at 127\\.0\\.0\\.1:${nobody}.*see GATEPOST_KAFKA_BROKERS`))
    const login = await instance.refused({ GATEPOST_KAFKA_PASSWORD: 'wrong-password' })
    t.equal(login.status, 1, command)
    t.match(login.output, /refuse the login of gatepost: .*GATEPOST_KAFKA_PASSWORD/)
    t.notMatch(login.output, /wrong-password/)
  }
})

t.test('missing topics, topics with too small a message limit, and another token key', async (t) => {
  const instance = await created(t, 'ingest', { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'limits.' })
  const missing = await instance.refused()
  t.equal(missing.status, 1)
  t.match(missing.output, /limits\.pings: the topic does not exist[^]*to repair: gatepost topics create/)

  const gatepost = (...arguments_: string[]) =>
    run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })
  t.equal((await gatepost('topics', 'create')).status, 0)
  await limitMessages('limits.pings', 1000)
  const small = await instance.refused()
  t.equal(small.status, 1)
  t.match(small.output, /limits\.pings: max\.message\.bytes is 1000, must be [^]*to repair: gatepost topics create/)

  t.equal((await gatepost('topics', 'create')).status, 0)
  await instance.start()
  t.equal(await instance.stop(), 0)
  const other = await instance.refused({ GATEPOST_SECRET: 'not the same secret' })
  t.equal(other.status, 2)
  t.match(other.output, /GATEPOST_SECRET differs from the secret of this installation/)
})

t.test('an unavailable store server, a wrong password, and a user without rights', async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const url = (user: string, port = server.port) => `http://${user}@127.0.0.1:${port}/gatepost`
  const refusals: [string, number | null, RegExp][] = [
    [
      url('admin:hidden', nobody),
      1,
      new RegExp(`127\\.0\\.0\\.1:${nobody} cannot be reached.*GATEPOST_CLICKHOUSE_URL`),
    ],
    [url('admin:hidden'), 2, /refuses user admin: check user and password in GATEPOST_CLICKHOUSE_URL/],
    // A read-only user may not even change the settings that inserts depend on.
    [
      url('default:admin-password'),
      null,
      /ClickHouse server http:\/\/127\.0\.0\.1:\d+.*(lacks a right: GRANT |Cannot modify)/,
    ],
  ]
  for (const command of ['aggregator', 'reporter', 'serve'] as const) {
    const kafka = command === 'aggregator' ? { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'server.' } : {}
    const instance = await Instance.create(join(t.testdirName, command), { ...kafka, ...SERVER }, { command })
    t.teardown(() => instance.destroy())
    if (command === 'aggregator') {
      const made = await run(process.execPath, [packageFile('bin/gatepost'), 'topics', 'create'], {
        env: instance.env,
      })
      t.equal(made.status, 0)
    }
    for (const [wrong, expected, message] of refusals) {
      const { status, output } = await instance.refused({ GATEPOST_CLICKHOUSE_URL: wrong })
      if (expected === null) t.not(status, 0)
      else t.equal(status, expected, `${command}: ${String(message)}`)
      t.match(output, message)
      t.notMatch(output, /hidden|admin-password/, 'no password is shown')
    }
  }
})

t.test('a start with the other record log is refused while records remain', async (t) => {
  const instance = await created(t, 'serve', { GATEPOST_AUTH_MODE: 'open' })
  await instance.start()
  const [store] = instance.children('store-main')
  process.kill(store, 'SIGSTOP')
  await whenStopped(store)
  t.equal(
    (await fetch(instance.url('/ping/?gw_id=a&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=4'))).status,
    200,
  )
  await instance.destroy()
  const { status, output } = await instance.refused(KAFKA)
  t.equal(status, 2)
  t.match(
    output,
    /journal holds \d+ bytes of acknowledged records .* leave GATEPOST_KAFKA_BROKERS unset, start, and stop again once the directory is empty/,
  )
  await instance.start()
  t.equal(await instance.stop(), 0)
})

/** Changes a topic's settings without Gatepost. */
async function limitMessages(topic: string, bytes: number): Promise<void> {
  await withAdmin(broker.options(), (admin) => admin.changeSettings(topic, { 'max.message.bytes': String(bytes) }))
}

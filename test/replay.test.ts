import { join } from 'node:path'
import t from 'tap'
import { subjectHash } from '../privacy/erased.ts'
import type { ReplayOutcome } from '../runtime/replay/replay.ts'
import { packageFile } from '../common/package-root.ts'
import type { Batch } from '../schemas/batch.ts'
import { SimpleWriter } from '../log/kafka/test/simple-writer.ts'
import { batchUuid } from '../store/exactly-once/identity.ts'
import { makeBatch } from '../schemas/test/records.ts'
import { Instance } from './helpers/instance.ts'
import { singleBroker } from './helpers/kafka.ts'
import { requestEveryRoute, ROUND } from './helpers/routes.ts'
import { run } from './helpers/run.ts'
import { StoreServer } from './helpers/store-server.ts'
import { until } from './helpers/until.ts'

/* `gatepost replay` of Kafka, while others read it and store what it holds. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** The minutes before it lie in its month: at a day's beginning it is an hour ago. */
const now = Date.now() - (Date.now() % DAY < HOUR / 2 ? HOUR : 0)
const SECRET = 'a secret of the tests'

const broker = await singleBroker(t)
const KAFKA = {
  GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
  GATEPOST_KAFKA_REPLICATION: '1',
  GATEPOST_KAFKA_PARTITIONS: '2',
  GATEPOST_SECRET: SECRET,
  GATEPOST_AUTH_MODE: 'open',
}

const gatepost = (instance: Instance, ...arguments_: string[]) =>
  run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })

/** What is not zero of each part of which anything was read. */
async function replayed(instance: Instance, ...arguments_: string[]): Promise<Record<string, Partial<ReplayOutcome>>> {
  const { status, stdout, stderr } = await gatepost(instance, 'replay', '--json', ...arguments_)
  if (status !== 0 || stderr !== '') throw new Error(`replay ended with ${status}: ${stderr}`)
  const outcomes = JSON.parse(stdout) as ReplayOutcome[]
  return Object.fromEntries(
    outcomes
      .filter(({ read }) => read > 0)
      .map(({ part, ...rest }) => [part, Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== 0))]),
  )
}

t.test('a store server, beside an aggregator', { timeout: 400_000 }, async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = { ...KAFKA, GATEPOST_KAFKA_TOPIC_PREFIX: 'r.', GATEPOST_CLICKHOUSE_URL: server.url() }
  const aggregator = await Instance.create(
    join(t.testdirName, 'data'),
    { ...env, GATEPOST_RETENTION_DAYS: '1' },
    { command: 'aggregator' },
  )
  t.teardown(() => aggregator.destroy())
  t.equal((await gatepost(aggregator, 'topics', 'create')).status, 0)
  await aggregator.start()

  const writer = new SimpleWriter(broker.options(), 'r.')
  t.teardown(() => writer.close())
  const pair = (name: string) => makeBatch('post_auth', now, [{ username: name }, { username: `${name}'` }])
  const batches = ['a', 'b', 'c', 'd'].map(pair)
  for (const batch of batches) await writer.append(batch, 0)
  const elsewhere = pair('e')
  await writer.append(elsewhere, 1)
  await writer.append(makeBatch('post_auth', now - 3 * DAY, [{ username: 'old' }]), 1)

  const names = async () => {
    const rows = await server.query<{ username: string }>('SELECT username FROM gatepost.post_auth ORDER BY username')
    return rows.map(({ username }) => username).join(' ')
  }
  const ALL = "a a' b b' c c' d d' e e'"
  const remove = (...of: Batch[]) =>
    server.command(
      `ALTER TABLE gatepost.post_auth DELETE WHERE batch_id IN (${of.map((batch) => `'${batchUuid(batch)}'`).join(', ')}) SETTINGS mutations_sync = 2`,
    )
  t.ok(await until(async () => (await names()) === ALL))

  t.test('nothing is missing', async (t) => {
    const expected = { 'r.post-auth-0': { read: 4, present: 4 }, 'r.post-auth-1': { read: 2, present: 1, expired: 1 } }
    // A commit follows its insert.
    t.ok(await until(async () => (await replayed(aggregator))['r.post-auth-1']?.read === 2))
    t.same(await replayed(aggregator), expected)
    t.equal(await names(), ALL)
  })

  t.test('a part of one partition', async (t) => {
    await remove(...batches, elsewhere)
    const range = ['--topic', 'post_auth', '--partition', '0', '--from', '1', '--to', '3']
    t.same(await replayed(aggregator, ...range), { 'r.post-auth-0': { read: 2, rows: 4 } })
    t.equal(await names(), "b b' c c'")
    t.same(await replayed(aggregator, ...range), { 'r.post-auth-0': { read: 2, present: 2 } })
  })

  t.test('by time', async (t) => {
    const early = new Date(now - DAY).toISOString()
    t.same(await replayed(aggregator, '--topic', 'post_auth', '--to', early), {})
    t.same(await replayed(aggregator, '--topic', 'post_auth', '--from', early), {
      'r.post-auth-0': { read: 4, rows: 4, present: 2 },
      'r.post-auth-1': { read: 2, rows: 2, expired: 1 },
    })
    t.equal(await names(), ALL)
  })

  t.test('two at once', async (t) => {
    await remove(...batches, elsewhere)
    const outcomes = await Promise.all([replayed(aggregator), replayed(aggregator)])
    t.equal(await names(), ALL)
    for (const outcome of outcomes) t.match(outcome, { 'r.post-auth-0': { read: 4 }, 'r.post-auth-1': { read: 2 } })
  })

  t.test('the aggregator goes on, and stores what comes once', async (t) => {
    const later = ['f', 'g', 'h'].map(pair)
    for (const [index, batch] of later.entries()) await writer.append(batch, index % 2)
    const more = `${ALL} f f' g g' h h'`
    t.ok(await until(async () => (await names()).length >= more.length))
    await replayed(aggregator)
    t.equal(await names(), more)
    t.ok(await until(async () => (await fetch(aggregator.url('/readyz', aggregator.metricsPort))).status === 200))
    await remove(...later)
  })

  t.test('people who were erased do not come back, the others of their batch do', async (t) => {
    await server.command(
      `INSERT INTO gatepost.erased_subjects (hash, kind) VALUES ('${subjectHash(SECRET, 'user', 'a')}', 'user')`,
    )
    await remove(batches[0])
    await replayed(aggregator, '--topic', 'post_auth', '--partition', '0', '--to', '4')
    t.equal(await names(), ALL.slice(2))
  })

  t.test('what cannot be done is said', async (t) => {
    const cases: [string[], number, RegExp][] = [
      [['--partition', '7'], 2, /topic r\.post-auth has no partition 7/],
      [['--partition', '0', '--from', '0', '--to', '1000'], 2, /r\.post-auth-0 holds offsets from 0 to \d+/],
    ]
    for (const [arguments_, expected, message] of cases) {
      const { status, stderr } = await gatepost(aggregator, 'replay', '--topic', 'post_auth', ...arguments_)
      t.match(stderr, message)
      t.equal(status, expected)
    }
  })

  t.test('without the aggregator', async (t) => {
    t.equal(await aggregator.stop(), 0)
    await remove(batches[1])
    t.match(await replayed(aggregator), { 'r.post-auth-0': { rows: Number } })
    t.match(await names(), /^a' b b' c/)
  })
})

t.test('the archive of a journal, into a store server', { timeout: 300_000 }, async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const instance = await Instance.create(join(t.testdirName, 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_ARCHIVE_MAX_BYTES: '1 MiB',
    GATEPOST_CLICKHOUSE_URL: server.url(),
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  t.same(await requestEveryRoute(instance, 'first'), [])
  const counts = async () => {
    const of = (table: string) => server.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM gatepost.${table}`)
    const entries = Object.keys(ROUND).map(async (table) => [table, (await of(table))[0].n] as const)
    return Object.fromEntries(await Promise.all(entries))
  }
  const read = async () =>
    Object.values(await replayed(instance, '--archive')).reduce((sum, outcome) => sum + (outcome.read ?? 0), 0)
  t.ok(await until(async () => (await read()) === 5), 'all is archived')
  t.same(await counts(), ROUND)
  for (const table of Object.keys(ROUND))
    await server.command(`ALTER TABLE gatepost.${table} DELETE WHERE 1 SETTINGS mutations_sync = 2`)
  await replayed(instance, '--archive')
  t.same(await counts(), ROUND)
  await replayed(instance, '--archive')
  t.same(await counts(), ROUND)
  t.equal(await instance.stop(), 0)
})

t.test('the embedded store, beside its instance', { timeout: 300_000 }, async (t) => {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), {
    ...KAFKA,
    GATEPOST_KAFKA_TOPIC_PREFIX: 'embedded.',
    GATEPOST_SQL_ADMIN_PASSWORD: 'adm',
  })
  t.teardown(() => instance.destroy())
  t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
  await instance.start()
  t.same(await requestEveryRoute(instance, 'first'), [])
  const counts = async () => {
    const of = (table: string) => instance.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${table}`)
    const entries = Object.keys(ROUND).map(async (table) => [table, (await of(table))[0].n] as const)
    return Object.fromEntries(await Promise.all(entries))
  }
  const same = async (rounds: number) => {
    const found = await counts()
    return Object.entries(ROUND).every(([table, rows]) => found[table] === rows * rounds)
  }
  t.ok(await until(() => same(1)))
  const read = async () =>
    Object.values(await replayed(instance)).reduce((sum, outcome) => sum + (outcome.read ?? 0), 0)
  t.ok(await until(async () => (await read()) === 5), 'all is committed')
  t.ok(await same(1), 'and stays as it is')

  const url = instance.url('/?user=admin&password=adm&mutations_sync=2', instance.sqlPort)
  for (const table of Object.keys(ROUND)) {
    const response = await fetch(url, { method: 'POST', body: `ALTER TABLE gatepost.${table} DELETE WHERE 1` })
    t.equal(response.status, 200)
  }
  const rows = Object.values(await replayed(instance)).reduce((sum, outcome) => sum + (outcome.rows ?? 0), 0)
  t.equal(rows, 5)
  t.ok(await same(1))
  t.same(await requestEveryRoute(instance, 'second'), [])
  t.ok(await until(() => same(2)), 'what comes later is stored once')
  await replayed(instance)
  t.ok(await same(2))
  t.equal(await instance.stop(), 0)
})

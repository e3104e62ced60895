import { join } from 'node:path'
import t from 'tap'
import { subjectHash } from '../../privacy/erased.ts'
import type { Batch } from '../../schemas/batch.ts'
import { SimpleWriter } from '../../log/kafka/test/simple-writer.ts'
import { batchUuid } from '../../store/exactly-once/identity.ts'
import { makeBatch } from '../../schemas/test/records.ts'
import { Instance } from '../helpers/instance.ts'
import { gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { replayed } from '../helpers/replayed.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { until } from '../helpers/until.ts'

/* `gatepost replay` of Kafka, while aggregators read it and store its records. */

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** The minutes before it are in the same month: at the beginning of a day it is an hour ago. */
const now = Date.now() - (Date.now() % DAY < HOUR / 2 ? HOUR : 0)

const broker = await sharedBroker(t)
const { prefix } = broker
const part = (partition: number) => `${prefix}post-auth-${partition}`
const KAFKA = { ...kafkaVariables(broker.brokers), GATEPOST_AUTH_MODE: 'open' }

t.test('a store server, beside an aggregator', async (t) => {
  const server = await StoreServer.start(join(t.testdir({ server: {} }), 'server'))
  t.teardown(() => server.stop())
  const env = {
    ...KAFKA,
    GATEPOST_KAFKA_TOPIC_PREFIX: prefix,
    GATEPOST_KAFKA_GROUP: `${prefix}group`,
    GATEPOST_CLICKHOUSE_URL: server.url(),
  }
  const aggregator = await Instance.create(
    join(t.testdirName, 'data'),
    { ...env, GATEPOST_RETENTION_DAYS: '1' },
    { command: 'aggregator' },
  )
  t.teardown(() => aggregator.destroy())
  t.equal((await gatepost(aggregator, 'topics', 'create')).status, 0)
  await aggregator.start()

  const writer = new SimpleWriter(broker.options(), prefix)
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
    const expected = { [part(0)]: { read: 4, present: 4 }, [part(1)]: { read: 2, present: 1, expired: 1 } }
    // A commit follows its insert.
    t.ok(await until(async () => (await replayed(aggregator))[part(1)]?.read === 2))
    t.same(await replayed(aggregator), expected)
    t.equal(await names(), ALL)
  })

  t.test('a range of one partition', async (t) => {
    await remove(...batches, elsewhere)
    const range = ['--topic', 'post_auth', '--partition', '0', '--from', '1', '--to', '3']
    t.same(await replayed(aggregator, ...range), { [part(0)]: { read: 2, rows: 4 } })
    t.equal(await names(), "b b' c c'")
    t.same(await replayed(aggregator, ...range), { [part(0)]: { read: 2, present: 2 } })
  })

  t.test('by time', async (t) => {
    const early = new Date(now - DAY).toISOString()
    t.same(await replayed(aggregator, '--topic', 'post_auth', '--to', early), {})
    t.same(await replayed(aggregator, '--topic', 'post_auth', '--from', early), {
      [part(0)]: { read: 4, rows: 4, present: 2 },
      [part(1)]: { read: 2, rows: 2, expired: 1 },
    })
    t.equal(await names(), ALL)
  })

  t.test('two at once', async (t) => {
    await remove(...batches, elsewhere)
    const outcomes = await Promise.all([replayed(aggregator), replayed(aggregator)])
    t.equal(await names(), ALL)
    for (const outcome of outcomes) t.match(outcome, { [part(0)]: { read: 4 }, [part(1)]: { read: 2 } })
  })

  t.test('the aggregator continues, and stores later records once', async (t) => {
    const later = ['f', 'g', 'h'].map(pair)
    for (const [index, batch] of later.entries()) await writer.append(batch, index % 2)
    const more = `${ALL} f f' g g' h h'`
    t.ok(await until(async () => (await names()).length >= more.length))
    await replayed(aggregator)
    t.equal(await names(), more)
    t.ok(await until(async () => (await fetch(aggregator.url('/readyz', aggregator.metricsPort))).status === 200))
    await remove(...later)
  })

  t.test('records of erased people are left out, the other records of their batch are inserted', async (t) => {
    await server.command(
      `INSERT INTO gatepost.erased_subjects (hash, kind) VALUES ('${subjectHash(KAFKA.GATEPOST_SECRET, 'user', 'a')}', 'user')`,
    )
    await remove(batches[0])
    await replayed(aggregator, '--topic', 'post_auth', '--partition', '0', '--to', '4')
    t.equal(await names(), ALL.slice(2))
  })

  t.test('impossible requests are refused with the reason', async (t) => {
    const cases: [string[], number, RegExp][] = [
      [['--partition', '7'], 2, /topic \S+\.post-auth has no partition 7/],
      [['--partition', '0', '--from', '0', '--to', '1000'], 2, /\.post-auth-0 holds offsets from 0 to \d+/],
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
    t.match(await replayed(aggregator), { [part(0)]: { rows: Number } })
    t.match(await names(), /^a' b b' c/)
  })
})

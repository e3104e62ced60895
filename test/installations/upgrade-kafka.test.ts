import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { KeyedWriter } from '../../log/kafka/client/keyed-writer.ts'
import { TopicProducer } from '../../log/kafka/client/topic-producer.ts'
import { Instance, type InstanceCommand } from '../helpers/instance.ts'
import { singleBroker } from '../helpers/kafka.ts'
import { compare, Load, type Acknowledgements, type RunQuery } from '../helpers/load.ts'
import { run } from '../helpers/run.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { FIXTURE_ENV, fixtureVersions, KAFKA_ENV, readFacts, readMessages, unpack } from '../upgrade/fixture.ts'
import { makeNextRelease, NEXT_VERSION } from '../upgrade/next-release.ts'

/*
 * A rolling upgrade of a cluster, in the right order and in the wrong one: topics and a spill of an earlier version, ingest of the next
 * version with an aggregator of this one, and the other way round. Every acknowledged record is stored once.
 */

async function upgrade(t: Test, version: string): Promise<void> {
  const broker = await singleBroker(t)
  const server = await StoreServer.start(join(t.testdirName, 'server'))
  t.teardown(() => server.stop())
  const here = packageFile('.')
  const next = makeNextRelease(join(t.testdirName, 'next'))
  const facts = readFacts(version).kafka

  const ENV = {
    ...FIXTURE_ENV,
    ...KAFKA_ENV,
    GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
    GATEPOST_CLICKHOUSE_URL: server.url(),
  }
  const query: RunQuery = (sql) => server.query(sql.replace(/ FROM (?=[a-z])/, ' FROM gatepost.'))
  const fromBefore: Acknowledgements = {
    acknowledged: {
      ping: new Set(facts.acknowledged.ping),
      gateway_ping: new Set(facts.acknowledged.gateway_ping),
      auth: new Set(facts.acknowledged.auth),
      post_auth: new Set(facts.acknowledged.post_auth),
    },
  }

  async function make(command: InstanceCommand, root: string, name: string): Promise<Instance> {
    const instance = await Instance.create(join(t.testdirName, name), ENV, { command, root })
    t.teardown(() => instance.destroy())
    return instance
  }

  /** How many of these are not stored, once the number is 0 or does not change any more. */
  async function missing(of: Acknowledgements): Promise<number> {
    for (let tries = 0; ; tries++) {
      const { lost } = await compare(query, of).catch(() => ({ lost: -1 }))
      if (lost === 0 || tries === 300) return lost
      await sleep(200)
    }
  }

  async function heldPartitions(aggregator: Instance): Promise<number> {
    const text = await (await fetch(aggregator.url('/metrics', aggregator.metricsPort))).text()
    return Number(/gatepost_kafka_held_partitions\{[^}]*\} (\d+)/.exec(text)?.[1] ?? 0)
  }

  async function produceFixture(): Promise<void> {
    const kafka = broker.options()
    for (const name of new Set(readMessages(version).map(({ topic }) => topic))) {
      const messages = readMessages(version).filter(({ topic }) => topic === name)
      if (messages.some(({ key }) => key !== null)) {
        const writer = new KeyedWriter(kafka, name)
        for (const { key, value } of messages) await writer.write(key as string, Buffer.from(value, 'base64'))
        await writer.close()
        continue
      }
      const producer = new TopicProducer(kafka, name)
      await producer.open()
      for (const { partition, value } of messages) {
        await producer.send(partition, [{ value: Buffer.from(value, 'base64'), headers: {} }]).acknowledged
      }
      await producer.close()
    }
  }

  const first = await make('ingest', here, 'spill')
  const created = await run(process.execPath, [first.program, 'topics', 'create'], { env: first.env })
  t.equal(created.status, 0, created.stderr)
  await produceFixture()
  unpack(version, 'spill', first.dataDir)
  const loads: Load[] = []
  const loaded = async (ingest: Instance): Promise<Load> => {
    const load = new Load([ingest], { first: 1_000_000 * (loads.length + 1), maxRequests: 100_000, pauseMs: 20 })
    loads.push(load)
    load.start(1)
    while (load.total < 200) await sleep(50)
    await load.stop()
    return load
  }

  let aggregator = await make('aggregator', here, 'aggregator')
  await t.test(`topics and spill of ${version}, ingest and aggregator of this version`, async (t) => {
    await Promise.all([first.start(), aggregator.start()])
    const load = await loaded(first)
    t.equal(await missing(fromBefore), 0, `what ${version} had written and spilled`)
    t.equal(await missing(load), 0)
    const [counts] = await server.query<Record<string, string>>(
      `SELECT (SELECT count() FROM gatepost.portal_sessions) AS portal_sessions, (SELECT count() FROM gatepost.dead_letters) AS dead_letters, (SELECT count() FROM gatepost.radius_accounting) AS accounting`,
    )
    t.same(counts, {
      portal_sessions: String(facts.portalSessions),
      dead_letters: String(facts.deadLetters),
      accounting: String(facts.accounting ?? 0),
    })
    t.equal(await first.stop(), 0)
  })

  const upgraded = await make('ingest', next, 'ingest-next')
  let waiting: Load
  await t.test('ingest of the next version and this aggregator: records with unknown fields are held', async (t) => {
    await upgraded.start()
    waiting = await loaded(upgraded)
    const { post_auth } = waiting.acknowledged
    const empty = new Map<string, number>()
    t.equal(
      await missing({ acknowledged: { post_auth, ping: empty, gateway_ping: empty, auth: empty } }),
      0,
      'streams whose schema is the same are stored',
    )
    for (let tries = 0; tries < 100 && (await heldPartitions(aggregator)) < 4; tries++) await sleep(100)
    t.equal(await heldPartitions(aggregator), 4, 'both partitions of either stream that changed are held')
    t.match(aggregator.output, new RegExp(`Gatepost ${NEXT_VERSION} or later.*upgrade aggregators before ingest`))
    const rows = await server.query<{ n: string }>(
      `SELECT count() AS n FROM gatepost.gateway_pings WHERE gw_id IN ('${[...waiting.acknowledged.ping.keys()].join("','")}')`,
    )
    t.same(rows, [{ n: '0' }], 'none of the others is stored in part')
    const letters = await server.query<{ n: string }>('SELECT count() AS n FROM gatepost.dead_letters')
    t.same(letters, [{ n: String(facts.deadLetters) }], 'none became a dead letter')
    await aggregator.destroy()
  })

  aggregator = await make('aggregator', next, 'aggregator-next')
  await t.test('the aggregator of the next version stores the held records', async (t) => {
    await aggregator.start()
    t.equal(await missing(waiting), 0)
    t.equal(await upgraded.stop(), 0)
  })

  await t.test('ingest of this version, aggregator of the next one', async (t) => {
    const old = await make('ingest', here, 'ingest-this')
    await old.start()
    t.equal(await missing(await loaded(old)), 0)
    t.equal(await old.stop(), 0)
  })

  for (const [index, all] of [fromBefore, ...loads].entries()) {
    const { acknowledged, lost, duplicates } = await compare(query, all)
    t.same({ lost, duplicates }, { lost: 0, duplicates: 0 }, `${acknowledged} records of load ${index}`)
  }
  t.equal(await aggregator.stop(), 0)
}

for (const version of fixtureVersions()) t.test(`upgrades of a cluster of ${version}`, (t) => upgrade(t, version))

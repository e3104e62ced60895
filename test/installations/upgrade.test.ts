import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { Instance } from '../helpers/instance.ts'
import { compare, Load, type LoadRoute } from '../helpers/load.ts'
import { run } from '../helpers/run.ts'
import { ARCHIVE_ENV, FIXTURE_ENV, fixtureVersions, readFacts, unpack, type Acknowledged } from '../upgrade/fixture.ts'
import { makeNextRelease } from '../upgrade/next-release.ts'

/*
 * A data directory of an earlier version that was killed under load, used by this version and by the next one, whose schemas differ: both
 * start on it under load, are killed during that first start, and start again.
 *
 * Symptom: after a field was added to a schema, sealed segments of the earlier version went to corrupt/, open ones were removed, and
 * acknowledged records were lost.
 */

const directory = t.testdir({})
const next = makeNextRelease(join(directory, 'next'))
const ROOTS = [
  { name: 'this version', root: packageFile('.') },
  { name: 'the next version', root: next },
] as const

for (const version of fixtureVersions()) {
  for (const { name, root } of ROOTS) {
    t.test(`${version} → ${name}`, (t) => upgrade(t, version, root))
  }
}

async function upgrade(t: Test, version: string, root: string): Promise<void> {
  const facts = readFacts(version).data
  const dataDir = join(directory, `${version}-${root === next ? 'next' : 'this'}`)
  unpack(version, 'data', dataDir)
  const instance = await Instance.create(dataDir, { ...FIXTURE_ENV, ...ARCHIVE_ENV }, { root })
  t.teardown(() => instance.destroy())
  const load = new Load([instance], { first: 1_000_000, maxRequests: 100_000, pauseMs: 20 })
  load.start(1)
  t.teardown(() => load.stop())

  await killedWhileItStarts(instance)
  await instance.start()
  const before = load.total
  while (load.total < before + 100) await sleep(50)
  await load.stop()
  const query = <T>(sql: string) => instance.query<T>(sql)
  const waits = async () => (await compare(query, fixtureLedger(facts.acknowledged, facts.damaged))).lost
  for (let tries = 0; tries < 300 && (await waits()) > 0; tries++) await sleep(100)

  const ledger = await compare(query, fixtureLedger(facts.acknowledged, facts.damaged))
  t.comment({ ...ledger, damaged: facts.damaged.length })
  t.equal(ledger.lost, 0, `${ledger.acknowledged} records that ${version} had acknowledged are there`)
  t.equal(ledger.duplicates, 0, 'none is there twice')
  const [counts] = await query<Record<string, number>>(
    'SELECT (SELECT toUInt32(count()) FROM portal_sessions) AS portal_sessions, (SELECT toUInt32(count()) FROM dead_letters) AS dead_letters, (SELECT toUInt32(count()) FROM radius_accounting) AS accounting',
  )
  t.same(counts, {
    portal_sessions: facts.portalSessions,
    dead_letters: facts.deadLetters,
    accounting: facts.accounting ?? 0,
  })

  const gatepost = async (...arguments_: string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await run(process.execPath, [instance.program, ...arguments_, '--json'], {
      env: instance.env,
    })
    t.equal(status, 0, `${arguments_.join(' ')} ${stderr}`)
    return JSON.parse(stdout)
  }
  t.match(await gatepost('access', 'list'), [{ subject: facts.deniedMac, verdict: 'deny' }])
  t.equal(((await gatepost('access', 'vouchers', 'list')) as unknown[]).length, 1)
  const replayed = (await gatepost('replay', '--archive')) as { read: number; rows: number; partial: number }[]
  t.ok(replayed.reduce((sum, { read }) => sum + read, 0) >= facts.archived, 'the archive is read')
  t.same(
    replayed.filter(({ rows, partial }) => rows + partial > 0),
    [],
    'and holds nothing that is not in the tables',
  )
  if (root === next) await changedFields(t, instance, load)

  t.equal(await instance.stop(), 0)
  t.same(
    readdirSync(join(dataDir, 'journal/0')).filter((name) => name.includes('.avro')),
    [],
    'nothing is left in the journal',
  )
  t.same(readdirSync(join(dataDir, 'journal/corrupt')).length, 1, 'only the damaged segment was put aside')
  await instance.start()
  const own = await compare(query, load)
  t.equal(own.lost, 0, `${own.acknowledged} records of the load meanwhile are there`)
  t.equal(own.duplicates, 0)
  t.equal(await instance.stop(), 0)
}

/** The records of both versions have the expected columns. */
async function changedFields(t: Test, instance: Instance, load: Load): Promise<void> {
  const [pings] = await instance.query<{ early: number; late: number }>(
    `SELECT toUInt32(countIf(firmware = '')) AS early, toUInt32(countIf(firmware = '99')) AS late FROM gateway_pings`,
  )
  t.ok(pings.early > 0, 'heartbeats from before have the default of the added field')
  t.ok(pings.late >= load.acknowledged.ping.size, 'those from after have what was sent')
  const [auth] = await instance.query<{ wrong: number; agents: number; renamed: number }>(
    `SELECT toUInt32(countIf(auth_code NOT IN (-1, 0, 1))) AS wrong, toUInt32(countIf(user_agent IS NOT NULL)) AS agents,
       toUInt32(count(delta_in)) AS renamed FROM gateway_auth`,
  )
  t.same([auth.wrong, auth.renamed], [0, 0])
  t.ok(auth.agents > 0)
}

/** Kills all processes as soon as the first start has begun to work on the directory. */
async function killedWhileItStarts(instance: Instance): Promise<void> {
  const started = instance.start().catch(() => null)
  while (!/migration applied|recovered the open segments|is running/.test(instance.output)) await sleep(5)
  await instance.destroy()
  await started
}

function fixtureLedger(acknowledged: Acknowledged, damaged: readonly string[]) {
  const kept = (ids: readonly string[]) => new Set(ids.filter((id) => !damaged.includes(id)))
  return {
    acknowledged: Object.fromEntries(
      Object.entries(acknowledged).map(([route, ids]) => [route, kept(ids)]),
    ) as unknown as Record<LoadRoute, Set<string>>,
  }
}

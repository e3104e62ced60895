import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { packageFile, packageVersion } from '../../common/package-root.ts'
import { createLogger } from '../../common/logger.ts'
import { Group } from '../../log/kafka/client/group.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import { parseSegmentName } from '../../log/journal/layout.ts'
import { segmentBlocks } from '../../log/journal/segment-blocks.ts'
import { decodeRecords } from '../helpers/decode.ts'
import { Instance } from '../helpers/instance.ts'
import { KafkaCluster } from '../helpers/kafka.ts'
import { Load, LOAD_TABLES, type LoadRoute } from '../helpers/load.ts'
import { run } from '../helpers/run.ts'
import {
  ARCHIVE_ENV,
  FIXTURE_ENV,
  fixtureDirectory,
  KAFKA_ENV,
  pack,
  type Acknowledged,
  type FixtureFacts,
  type FixtureMessage,
} from './fixture.ts'

/*
 * Writes the fixture of a version that is about to be released: `make fixture`. The first argument may be a built checkout of another
 * version.
 */

const root = process.argv[2] ?? packageFile('.')
const version =
  process.argv[2] === undefined
    ? packageVersion()
    : (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
const work = mkdtempSync(join(tmpdir(), 'gatepost-fixture-'))
const target = fixtureDirectory(version)

const DENIED_MAC = '50-A6-7F-84-9C-D1'
/** Small: the files stay in the repository for ever. */
const LOAD = { maxRequests: 100_000, pauseMs: 40 }

async function dataDirectory(): Promise<FixtureFacts['data']> {
  const instance = await Instance.create(join(work, 'data'), { ...FIXTURE_ENV, ...ARCHIVE_ENV }, { root })
  await instance.start()
  const load = new Load([instance], LOAD)
  try {
    load.start(1)
    await sleep(2000)
    await portalSession(instance)
    await fetch(instance.url('/logging/post-auth'), { method: 'POST', body: '{"username":"someone"}' })
    await accounting(instance)
    await gatepost(instance, 'access', 'deny', 'mac', DENIED_MAC)
    const vouchers = await gatepost(instance, 'access', 'vouchers', 'create', '--count', '1', '--json')
    const [{ code }] = JSON.parse(vouchers) as [{ code: string }]
    await load.stop()
    await instance.queryUntil<{ n: number }>('SELECT toUInt32(count()) AS n FROM portal_sessions', ([{ n }]) => n === 1)
    await sleep(1000)
    // From here on nothing is stored: segments wait.
    for (const pid of instance.children('store-main')) process.kill(pid, 'SIGSTOP')
    load.start(1)
    await sleep(3000)
    await instance.destroy()
    await load.stop()
    return {
      acknowledged: acknowledged(load),
      damaged: damageOne(join(instance.dataDir, 'journal')),
      portalSessions: 1,
      deadLetters: 1,
      accounting: 1,
      archived: readdirSync(join(instance.dataDir, 'archive'), { recursive: true }).filter((name) =>
        String(name).endsWith('.avro'),
      ).length,
      deniedMac: DENIED_MAC,
      voucher: code,
    }
  } finally {
    await instance.destroy()
  }
}

/** A browser at the portal accepts the terms. */
async function portalSession(instance: Instance): Promise<void> {
  const query = 'gw_address=10.1.0.1&gw_port=2060&gw_id=hall&ip=10.1.0.7&mac=00:11:22:33:44:66&url=http://example.org/'
  const url = instance.url(`/login/?${query}`, instance.gatewayPort)
  const page = await fetch(url)
  const form = /name="form" value="([^"]+)"/.exec(await page.text())?.[1] ?? ''
  const cookie = page.headers.getSetCookie().map((each) => each.split(';')[0])
  const answer = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { Cookie: cookie.join('; '), 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ form, method: 'click' }).toString(),
  })
  if (answer.headers.get('x-gatepost-record') !== 'kept') throw new Error(`no session: ${await answer.text()}`)
}

/** A NAS reports a session. */
async function accounting(instance: Instance): Promise<void> {
  const packet = {
    acct_status_type: 'Interim-Update',
    acct_unique_session_id: 'of-the-fixture',
    acct_session_time: 60,
    acct_output_octets: 1_000_000,
    username: 'someone',
    nas_identifier: 'lobby',
  }
  const { status } = await fetch(instance.url('/logging/accounting'), { method: 'POST', body: JSON.stringify(packet) })
  if (status !== 204) throw new Error(`the packet was answered ${status}`)
}

/** Damages the marker of a block in the middle of a sealed segment. @returns ids of the records that it held */
function damageOne(journal: string): string[] {
  for (const name of readdirSync(journal, { recursive: true, encoding: 'utf8' }).sort()) {
    const segment = name.endsWith('.avro') ? parseSegmentName(name.slice(name.lastIndexOf('/') + 1)) : null
    if (segment?.stream !== 'gateway_pings') continue
    const path = join(journal, name)
    const bytes = readFileSync(path)
    const found = segmentBlocks(segment.stream, bytes)
    if ('unreadable' in found || found.scan.blocks.length < 3) continue
    const { recordsStart, recordsEnd, recordCount, end } = found.scan.blocks[1]
    const lost = decodeRecords('gateway_pings', bytes.subarray(recordsStart, recordsEnd), recordCount)
    bytes[end - 1] ^= 0xff
    writeFileSync(path, bytes)
    return lost.map(({ record }) => String(record['gw_id']))
  }
  throw new Error('no segment has three blocks')
}

async function topicsAndSpill(): Promise<FixtureFacts['kafka']> {
  const cluster = await KafkaCluster.start(join(work, 'kafka'), { brokers: 1 })
  const env = { ...FIXTURE_ENV, ...KAFKA_ENV, GATEPOST_KAFKA_BROKERS: cluster.brokers.join(',') }
  const instance = await Instance.create(join(work, 'spill'), env, { root, command: 'ingest' })
  const load = new Load([instance], LOAD)
  try {
    await gatepost(instance, 'topics', 'create')
    await instance.start()
    await fetch(instance.url('/logging/post-auth'), { method: 'POST', body: '{"username":"someone"}' })
    await accounting(instance)
    await gatepost(instance, 'access', 'deny', 'mac', DENIED_MAC)
    await portalSession(instance)
    load.start(1)
    await sleep(2000)
    await load.stop()
    const messages = await readAll(cluster.options(), [
      'pings',
      'auth',
      'post-auth',
      'accounting',
      'portal-sessions',
      'dead-letters',
      'access-control',
    ])
    await cluster.stop()
    load.start(1)
    await sleep(6000)
    await instance.destroy()
    await load.stop()
    writeFileSync(
      join(target, 'kafka.jsonl.gz'),
      gzipSync(messages.map((message) => `${JSON.stringify(message)}\n`).join(''), { level: 9 }),
    )
    return { acknowledged: acknowledged(load), portalSessions: 1, deadLetters: 1, accounting: 1 }
  } finally {
    await instance.destroy()
    await cluster.destroy()
  }
}

/** All messages of topics. */
async function readAll(kafka: KafkaOptions, names: readonly string[]): Promise<FixtureMessage[]> {
  const messages: FixtureMessage[] = []
  const group = new Group(
    {
      kafka,
      groupId: 'fixture',
      topics: names.map((name) => `gatepost.${name}`),
      fetchMaxBytes: 2 ** 20,
      partitionMaxBytes: 2 ** 20,
      logger: createLogger('fixture'),
    },
    {
      assigned: () => {},
      revoked: () => {},
      deliver: ({ topic, partition, messages: some }) => {
        for (const { key, value } of some) {
          if (value === null) continue
          messages.push({ topic, partition, key: key?.toString('utf8') ?? null, value: value.toString('base64') })
        }
        return true
      },
    },
  )
  await group.start()
  for (let before = -1; before < messages.length || messages.length === 0; await sleep(3000)) before = messages.length
  await group.stop()
  return messages
}

function acknowledged(load: Load): Acknowledged {
  const routes = Object.keys(LOAD_TABLES) as LoadRoute[]
  return Object.fromEntries(routes.map((route) => [route, [...load.acknowledged[route].keys()]])) as Record<
    LoadRoute,
    string[]
  >
}

async function gatepost(instance: Instance, ...arguments_: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(process.execPath, [instance.program, ...arguments_], {
    env: instance.env,
  })
  if (status !== 0) throw new Error(`gatepost ${arguments_.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}

mkdirSync(target, { recursive: true })
try {
  const data = await dataDirectory()
  rmSync(join(work, 'data/run'), { recursive: true, force: true })
  pack(join(work, 'data'), join(target, 'data.tar.gz'))
  const kafka = await topicsAndSpill()
  pack(join(work, 'spill'), join(target, 'spill.tar.gz'))
  const facts: FixtureFacts = { version, data, kafka }
  writeFileSync(join(target, 'expected.json'), `${JSON.stringify(facts)}\n`)
  console.log(`the fixture of ${version} is in ${target}`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createClient } from '@clickhouse/client'
import t from 'tap'
import { CODEC_KEY } from '../../schemas/container.ts'
import { watchAlerts } from '../helpers/alerts.ts'
import { Instance } from '../helpers/instance.ts'
import { post } from '../helpers/post-auth.ts'
import { withoutPrometheus } from '../helpers/prometheus.ts'
import { mountSmall } from '../helpers/small-disk.ts'
import { whenStopped } from '../helpers/stopped.ts'
import { StoreServer } from '../helpers/store-server.ts'

/* Alerts about tables, journal and disk, each raised on a real Prometheus by the fault that it is for. */

const missing = await withoutPrometheus()
const options = missing === null ? {} : { skip: missing }
t.test('a store that is away, and a journal that is damaged', options, async (t) => {
  const server = await StoreServer.start(join(t.testdir(), 'server'))
  t.teardown(() => server.stop())
  const broken = join(t.testdirName, 'broken.mjs')
  writeFileSync(
    broken,
    `if (process.argv[1].includes('ingest-main')) URL.canParse = () => { throw new Error('a defect of the test') }`,
  )
  const refusing = createServer((_request, response) => response.writeHead(403).end())
  refusing.listen(0, '127.0.0.1')
  await once(refusing, 'listening')
  t.teardown(() => refusing.close())
  const environment = {
    GATEPOST_WORKERS: '1',
    GATEPOST_CLICKHOUSE_URL: server.url(),
    GATEPOST_JOURNAL_MAX_BYTES: '256KiB',
    GATEPOST_PUBLISH: 'metrics-api',
    GATEPOST_METRICS_API_URL: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/`,
    GATEPOST_METRICS_API_TOKEN: 'a token of the test',
  }
  const instance = await Instance.create(join(t.testdirName, 'data'), environment, {
    nodeArguments: ['--import', broken],
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const raises = await watchAlerts(t, instance)
  await fetch(instance.url('/login/?gw_id=g&gw_address=192.168.1.1&gw_port=2060&url=http://example.org'))
  await raises('GatepostRequestFaults')
  await instance.stop()
  const client = createClient({ url: server.url() })
  // An installation of three days, in which nothing was published.
  await client.command({
    query: `INSERT INTO gatepost.post_auth (received_at, username, success, batch_id) SELECT now64(3, 'UTC') - INTERVAL 3 DAY, 'alice', 1, generateUUIDv4()`,
  })
  await instance.start()
  await raises('GatepostPublishFails')
  await instance.stop()
  for (const table of ['metrics', 'login_history'])
    await client.command({ query: `RENAME TABLE gatepost.${table} TO gatepost.${table}_away` })
  await client.close()
  await instance.start({
    GATEPOST_PSEUDONYMISE_AFTER_DAYS: '10',
    GATEPOST_PSEUDONYM_SECRET: 'a secret of the test',
  })
  await raises('GatepostMetricsFail')
  await raises('GatepostHistoryOld')
  process.kill(server.pid, 'SIGSTOP')
  await whenStopped(server.pid)
  let full = false
  for (let count = 0; !full && count < 20_000; count++) full = (await post(instance, `${count}`)).status === 503
  t.ok(full)
  await raises('GatepostRecordsNotKept')
  await raises('GatepostJournalFillsUp')
  await raises('GatepostLag')
  await raises('GatepostStateOld')
  await raises('GatepostSessionsOld')
  const journal = join(instance.dataDir, 'journal')
  const segments = readdirSync(journal, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.avro'))
    .sort()
    .map((name) => join(journal, name))
  t.ok(segments.length >= 4)
  const [damaged = '', later = ''] = segments.slice(-3)
  const bytes = readFileSync(damaged)
  bytes.fill(0, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 64)
  writeFileSync(damaged, bytes)
  const unknown = readFileSync(later)
  unknown.write('zstd', unknown.indexOf(CODEC_KEY) + CODEC_KEY.length + 1, 'latin1')
  writeFileSync(later, unknown)
  process.kill(server.pid, 'SIGCONT')
  await raises('GatepostCorruptSegments')
  await raises('GatepostRecordsHeld')
})

t.test('a disk that fills up', options, async (t) => {
  t.testdir({})
  const directory = mountSmall(t, 'size=256m')
  if (directory === null) return
  const instance = await Instance.create(join(directory, 'data'), { GATEPOST_WORKERS: '1' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const raises = await watchAlerts(t, instance)
  writeFileSync(join(directory, 'filler'), Buffer.alloc(235 * 1024 * 1024))
  await raises('GatepostDiskFillsUp')

  // Full: the audit log of queries is not written any more, and more of them come than wait in memory.
  t.throws(() => writeFileSync(join(directory, 'more'), Buffer.alloc(64 * 1024 * 1024)), { code: 'ENOSPC' })
  const ask = async () => (await fetch(instance.url('/?query=SELECT+1', instance.sqlPort))).text()
  for (let asked = 0; asked < 6000; asked += 20) await Promise.all(Array.from({ length: 20 }, ask))
  await raises('GatepostAuditLost')
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { subjectHash } from '../../privacy/erased.ts'
import { packageFile } from '../../common/package-root.ts'
import { archiveDirectory, readArchive } from '../../log/journal/archive.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import { Instance } from '../helpers/instance.ts'
import { PER_ROUND, requestEveryRoute, ROUND } from '../helpers/routes.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'
import type { ReplayOutcome } from '../../runtime/replay/replay.ts'

/* `gatepost replay --archive`, beside the running instance and without it. */

const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), {
  GATEPOST_AUTH_MODE: 'open',
  GATEPOST_ARCHIVE_MAX_BYTES: '10 MiB',
  GATEPOST_SQL_ADMIN_PASSWORD: 'adm-of-tests',
})
t.teardown(() => instance.destroy())

const gatepost = (...arguments_: string[]) =>
  run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })

/** The outcome of the streams of which anything was read. */
async function replayed(...arguments_: string[]): Promise<Record<string, Partial<ReplayOutcome>>> {
  const { status, stdout, stderr } = await gatepost('replay', '--archive', '--json', ...arguments_)
  t.equal(status, 0, stderr)
  t.equal(stderr, '', 'progress is only shown on terminals')
  const outcomes = JSON.parse(stdout) as ReplayOutcome[]
  // Counts of 0 are left out.
  return Object.fromEntries(
    outcomes
      .filter(({ read }) => read > 0)
      .map(({ part, ...rest }) => [part, Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== 0))]),
  )
}

/** Runs a statement, as an operator would. */
async function admin(sql: string): Promise<void> {
  const url = instance.url('/?user=admin&password=adm-of-tests&mutations_sync=2', instance.sqlPort)
  const response = await fetch(url, { method: 'POST', body: sql })
  if (!response.ok) throw new Error(await response.text())
}

async function counts(): Promise<Record<string, number>> {
  const entries = Object.keys(ROUND).map(async (table) => {
    const [{ n }] = await instance.query<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${table}`)
    return [table, n] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

const names = async () =>
  (await instance.query<{ username: string }>('SELECT username FROM post_auth ORDER BY username')).map(
    ({ username }) => username,
  )

/** Records in the archive. */
async function archived(): Promise<number> {
  let records = 0
  for (const stream of STREAMS) {
    for await (const { batches } of readArchive(archiveDirectory(instance.dataDir), stream, 0, Infinity))
      for (const { recordCount } of batches) records += recordCount
  }
  return records
}

const rounds = (count: number) =>
  Object.fromEntries(Object.entries(ROUND).map(([table, rows]) => [table, rows * count]))

t.test('rows that were deleted by hand are inserted again', async (t) => {
  await instance.start()
  const times: string[] = []
  for (const id of ['aaaaaa', 'bbbbbb', 'cccccc']) {
    times.push(new Date().toISOString())
    t.same(await requestEveryRoute(instance, id), [])
    await sleep(20)
  }
  await until(async () => (await archived()) >= 3 * PER_ROUND)
  t.equal(await archived(), 3 * PER_ROUND)
  t.same(await counts(), rounds(3))
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /gatepost_archive_bytes\{process="store"\} [1-9]/)

  t.test('beside a running instance', async (t) => {
    await admin(`ALTER TABLE gatepost.post_auth DELETE WHERE username = 'bbbbbb'`)
    await admin(`ALTER TABLE gatepost.radius_accounting DELETE WHERE username IN ('aaaaaa', 'cccccc')`)
    await admin(`ALTER TABLE gatepost.gateway_pings DELETE WHERE gw_id = 'aaaaaa'`)
    await admin(`ALTER TABLE gatepost.dead_letters DELETE WHERE 1`)
    t.same(await names(), ['aaaaaa', 'cccccc'])
    t.same(await replayed(), {
      post_auth: { read: 3, rows: 1, present: 2 },
      radius_accounting: { read: 3, rows: 2, present: 1 },
      gateway_pings: { read: 6, rows: 2, present: 4 },
      gateway_auth: { read: 3, present: 3 },
      dead_letters: { read: 3, rows: 3 },
    })
    t.same(await counts(), rounds(3))
    t.same(await names(), ['aaaaaa', 'bbbbbb', 'cccccc'])
    const again = await replayed()
    t.same(
      Object.values(again).map(({ rows }) => rows),
      Object.keys(ROUND).map(() => undefined),
    )
    t.same(await counts(), rounds(3))
  })

  t.test('of one stream and a time', async (t) => {
    await admin('ALTER TABLE gatepost.post_auth DELETE WHERE 1')
    const range = ['--from', times[1], '--to', times[2]]
    t.same(await replayed('--topic', 'post_auth', ...range), { post_auth: { read: 1, rows: 1 } })
    t.same(await names(), ['bbbbbb'])
    t.same(await replayed('--topic', 'gateway_auth', '--from', times[2]), { gateway_auth: { read: 1, present: 1 } })
    t.same(await replayed('--to', '2024-02-29'), {})
  })

  t.test('without the instance', async (t) => {
    t.equal(await instance.stop(), 0)
    const { status, stdout } = await gatepost('replay', '--archive', '--topic', 'post_auth')
    t.equal(status, 0)
    t.match(
      stdout,
      /^part +read +rows +present +expired +erased +partial +dead_letters\npost_auth +3 +2 +1 +0 +0 +0 +0\n$/,
    )
    await instance.start()
    t.same(await counts(), rounds(3))
  })

  t.test('records of erased people are left out', async (t) => {
    const secret = readFileSync(join(instance.dataDir, 'secret'), 'utf8').trim()
    const hash = subjectHash(secret, 'user', 'cccccc')
    await admin(`INSERT INTO gatepost.erased_subjects (hash, kind) VALUES ('${hash}', 'user')`)
    await admin(`ALTER TABLE gatepost.post_auth DELETE WHERE username IN ('aaaaaa', 'cccccc')`)
    await admin(`ALTER TABLE gatepost.radius_accounting DELETE WHERE username = 'cccccc'`)
    await admin(`ALTER TABLE gatepost.dead_letters DELETE WHERE payload LIKE '%cccccc%'`)
    t.match(await replayed(), {
      post_auth: { read: 3, rows: 1, present: 1, erased: 1 },
      radius_accounting: { read: 3, present: 2, erased: 1 },
      dead_letters: { read: 3, present: 2, erased: 1 },
    })
    t.same(await names(), ['aaaaaa', 'bbbbbb'])
  })

  t.test('a batch that is partly stored is reported', async (t) => {
    const [{ id }] = await instance.query<{ id: string }>(
      `SELECT toString(batch_id) AS id FROM post_auth WHERE username = 'aaaaaa'`,
    )
    await admin(
      `INSERT INTO gatepost.post_auth (received_at, batch_id, batch_index, username) ` +
        `SELECT received_at, batch_id, 1, 'by hand' FROM gatepost.post_auth WHERE batch_id = '${id}'`,
    )
    const { status, stderr } = await gatepost('replay', '--archive', '--topic', 'post_auth')
    t.equal(status, 1)
    t.match(stderr, /column partial[^]*delete all rows of the batch_id and replay again/)
    await admin(`ALTER TABLE gatepost.post_auth DELETE WHERE batch_id = '${id}'`)
    t.match(await replayed('--topic', 'post_auth'), { post_auth: { rows: 1, present: 1, erased: 1 } })
    t.equal(await instance.stop(), 0)
  })
})

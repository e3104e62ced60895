import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Instance } from '../helpers/instance.ts'
import { compare, Load } from '../helpers/load.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'

/* `gatepost backup` beside a running instance and without one, what `backup verify` notices, and `gatepost restore`. */

const OPEN = { GATEPOST_AUTH_MODE: 'open', GATEPOST_ARCHIVE_MAX_BYTES: '64 MiB' }
const LOAD = { maxRequests: 100_000, pauseMs: 5 }

interface Made {
  readonly id: string
  readonly base: string | null
  readonly directory: string
  readonly rows: number
  readonly journal_records: number
  readonly bytes: number
}

async function gatepost(instance: Instance, ...arguments_: string[]) {
  return run(process.execPath, [instance.program, ...arguments_], { env: instance.env })
}

/** The result of a command that succeeds. */
async function json<T>(instance: Instance, ...arguments_: string[]): Promise<T> {
  const { status, stdout, stderr } = await gatepost(instance, ...arguments_, '--json')
  if (status !== 0) throw new Error(`gatepost ${arguments_.join(' ')}: ${status}: ${stderr}`)
  return JSON.parse(stdout) as T
}

async function created(t: Test, name: string, env: Record<string, string> = {}): Promise<Instance> {
  const instance = await Instance.create(join(t.testdirName, name), { ...OPEN, ...env })
  t.teardown(() => instance.destroy())
  return instance
}

async function loaded(instance: Instance): Promise<Load> {
  const load = new Load([instance], LOAD)
  load.start(2)
  await until(() => load.total > 200)
  return load
}

t.test('a backup under load has everything that was acknowledged before, once, on a fresh machine', async (t) => {
  t.testdir({})
  const to = join(t.testdirName, 'backups')
  const instance = await (await created(t, 'data')).start()
  const load = await loaded(instance)
  const deny = await gatepost(instance, 'access', 'deny', 'mac', '50:a6:7f:84:9c:d1')
  t.equal(deny.status, 0, deny.stderr)
  const acknowledged = Object.fromEntries(
    Object.entries(load.acknowledged).map(([route, ids]) => [route, new Map(ids)]),
  ) as unknown as Load['acknowledged']
  const made = await json<Made>(instance, 'backup', '--to', to)
  await load.stop()
  t.ok(made.rows > 0)
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /gatepost_backup_last_success_timestamp_seconds\{process="store"\} \d{10}/)
  t.match(metrics, /gatepost_backup_failures_total\{process="store"\} 0/)
  await instance.destroy()

  const verified = await json<{ tables: Record<string, number>; access_entries: number }>(
    instance,
    'backup',
    'verify',
    '--to',
    to,
    '--scratch',
    t.testdirName,
  )
  t.ok(verified.tables['post_auth'] > 0)
  t.ok(verified.access_entries > 0)
  t.same(
    readdirSync(t.testdirName).filter((name) => name.startsWith('gatepost-verify')),
    [],
    'nothing is left of the restored tables',
  )

  const fresh = await created(t, 'fresh')
  const restored = await json<{ id: string; secret: boolean }>(fresh, 'restore', '--from', to)
  t.match(restored, { id: made.id, secret: true })
  t.equal(readFileSync(join(fresh.dataDir, 'secret'), 'utf8'), readFileSync(join(instance.dataDir, 'secret'), 'utf8'))
  await fresh.start()
  t.ok(await drained(fresh, { acknowledged }))
  const ledger = await compare((sql) => fresh.query(sql), { acknowledged })
  t.match(ledger, { lost: 0, duplicates: 0 })
  t.ok(ledger.acknowledged > 200)
  t.match((await gatepost(fresh, 'access', 'list')).stdout, '50-A6-7F-84-9C-D1')
  t.match(await json(fresh, 'backup', '--to', to), { base: null }, 'a restored instance is backed up as any other')
})

t.test('one that is based on another has only what is new, and needs it', async (t) => {
  t.testdir({})
  const to = join(t.testdirName, 'backups')
  const instance = await (await created(t, 'data')).start()
  const load = await loaded(instance)
  await load.stop()
  t.equal(await instance.stop(), 0)
  const full = await json<Made>(instance, 'backup', '--to', to)
  t.equal(full.journal_records, 0, 'a stopped instance has stored everything')
  await instance.start()
  const more = new Load([instance], { ...LOAD, first: 500_000, maxRequests: 50 })
  more.start(1)
  await until(() => more.total >= 40)
  await more.stop()
  const next = await json<Made>(instance, 'backup', '--to', to, '--base', full.id)
  t.ok(next.bytes < full.bytes, `${next.bytes} < ${full.bytes}`)
  t.match(await gatepost(instance, 'backup', '--to', to, '--base', next.id), { status: 2, stderr: /has a base itself/ })
  t.same(
    (await json<Made[]>(instance, 'backup', 'list', '--to', to)).map(({ id, base }) => [id, base]),
    [
      [full.id, null],
      [next.id, full.id],
    ],
  )
  const elsewhere = join(t.testdirName, 'moved')
  await run('cp', ['-r', to, elsewhere])
  rmSync(to, { recursive: true })
  t.equal((await gatepost(instance, 'backup', 'verify', '--to', elsewhere)).status, 0, 'wherever they are moved')
  const fresh = await created(t, 'fresh')
  await json(fresh, 'restore', '--from', elsewhere)
  await fresh.start()
  t.ok((await drained(fresh, load)) && (await drained(fresh, more)))
  t.match(await compare((sql) => fresh.query(sql), load), { lost: 0, duplicates: 0 })
  t.match(await compare((sql) => fresh.query(sql), more), { lost: 0, duplicates: 0 })

  rmSync(join(elsewhere, full.id), { recursive: true })
  t.match(await gatepost(instance, 'backup', 'verify', '--to', elsewhere), {
    status: 2,
    stderr: new RegExp(`needs its base ${full.id}`),
  })
})

t.test('verify notices a changed byte, a missing file, and a backup that is not complete', async (t) => {
  t.testdir({})
  const to = join(t.testdirName, 'backups')
  const instance = await (await created(t, 'data')).start()
  await (await loaded(instance)).stop()
  const { directory } = await json<Made>(instance, 'backup', '--to', to)
  const data = readdirSync(join(directory, 'tables'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.bin'))
    .map((name) => join(directory, 'tables', name))
  const bytes = readFileSync(data[0])
  const flipped = Buffer.from(bytes)
  flipped[bytes.length >> 1] ^= 1
  writeFileSync(data[0], flipped)
  t.match(await gatepost(instance, 'backup', 'verify', '--to', to), {
    status: 2,
    stderr: /is damaged: it is not what was written/,
  })
  writeFileSync(data[0], bytes)
  t.equal((await gatepost(instance, 'backup', 'verify', '--to', directory)).status, 0)
  rmSync(data[0])
  t.match(await gatepost(instance, 'backup', 'verify', '--to', to), { status: 2, stderr: /is missing/ })
  rmSync(join(directory, 'manifest.json'))
  t.match(await gatepost(instance, 'backup', 'verify', '--to', to), {
    status: 2,
    stderr: /there is no complete backup/,
  })
  const next = await json<Made>(instance, 'backup', '--to', to)
  t.same(readdirSync(to), [next.directory.slice(to.length + 1)], 'the next backup removes what is not complete')
})

t.test('a restore goes into an empty directory only', async (t) => {
  t.testdir({})
  const to = join(t.testdirName, 'backups')
  const instance = await (await created(t, 'data')).start()
  await (await loaded(instance)).stop()
  await json(instance, 'backup', '--to', to)
  t.match(await gatepost(instance, 'restore', '--from', to), { status: 1, stderr: /another gatepost process/ })
  t.equal(await instance.stop(), 0)
  const before = statSync(join(instance.dataDir, 'secret')).mtimeMs
  t.match(await gatepost(instance, 'restore', '--from', to), { status: 2, stderr: /is not empty/ })
  t.equal(statSync(join(instance.dataDir, 'secret')).mtimeMs, before)
  t.match(await gatepost(instance, 'restore', '--from', t.testdirName), { status: 2, stderr: /no complete backup/ })

  const interrupted = await created(t, 'interrupted')
  mkdirSync(join(interrupted.dataDir, 'restoring'), { recursive: true })
  appendFileSync(join(interrupted.dataDir, 'secret'), 'half')
  t.match(await interrupted.refused(), { status: 2, output: /a restore into it has not finished/ })
  t.equal((await gatepost(interrupted, 'sessions')).status, 2)
  await json(interrupted, 'restore', '--from', to)
  t.notOk(existsSync(join(interrupted.dataDir, 'restoring')))
  await interrupted.start()
})

t.test('what came after the backup is taken from the log of the lost directory, each record once', async (t) => {
  t.testdir({})
  const to = join(t.testdirName, 'backups')
  const instance = await (await created(t, 'data')).start()
  const load = await loaded(instance)
  await json(instance, 'backup', '--to', to)
  await until(() => load.total > 600)
  await load.stop()
  await instance.destroy()
  rmSync(join(instance.dataDir, 'store'), { recursive: true })

  const fresh = await created(t, 'fresh')
  const restored = await json<{ taken: { records: number } }>(
    fresh,
    'restore',
    '--from',
    to,
    '--log-of',
    instance.dataDir,
  )
  t.ok(restored.taken.records > 0)
  await fresh.start()
  t.ok(await drained(fresh, load))
  const ledger = await compare((sql) => fresh.query(sql), load)
  t.match(ledger, { lost: 0, duplicates: 0 })
  t.ok(ledger.acknowledged > 600)
})

t.test('on a schedule: the first is full, and old ones are removed', async (t) => {
  t.testdir({})
  const to = join(t.testdirName, 'backups')
  const instance = await created(t, 'data', { GATEPOST_BACKUP_TO: to, GATEPOST_BACKUP_KEEP: '2' })
  await instance.start()
  t.ok(await until(async () => (await json<Made[]>(instance, 'backup', 'list')).length === 1))
  const [first] = await json<Made[]>(instance, 'backup', 'list')
  t.equal(first.base, null)
  t.match(await json(instance, 'backup'), { base: null }, 'on request in the same directory')
})

t.test('a server keeps its tables itself', async (t) => {
  t.testdir({})
  const instance = await created(t, 'data', { GATEPOST_CLICKHOUSE_URL: 'http://127.0.0.1:9/' })
  t.match(await gatepost(instance, 'backup', '--to', t.testdirName), { status: 2, stderr: /backed up on the server/ })
  t.match(await gatepost(instance, 'backup'), { status: 2, stderr: /name the directory/ })
})

/** Everything in the journal is stored. The metric is 0 until a process has looked into it for the first time, so what is sought is awaited. */
function drained(instance: Instance, sought: Parameters<typeof compare>[1]): Promise<boolean> {
  return until(async () => {
    if ((await compare((sql) => instance.query(sql), sought)).lost > 0) return false
    const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
    const lags = [...metrics.matchAll(/^gatepost_aggregator_lag_bytes\{[^}]*\} (\d+)/gm)]
    return lags.length > 0 && lags.every(([, bytes]) => bytes === '0')
  })
}

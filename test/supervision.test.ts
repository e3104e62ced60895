import { execFile, execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageFile } from '../common/package-root.ts'
import { findCommand } from './helpers/commands.ts'
import { Instance, isAlive } from './helpers/instance.ts'

const post = (instance: Instance, id: string) =>
  fetch(instance.url('/logging/post-auth'), {
    method: 'POST',
    body: JSON.stringify({ username: 'someone', authentication_result: 'Access-Accept', task_id: id }),
  })

const stored = (instance: Instance, enough: (ids: string[]) => boolean) =>
  instance
    .queryUntil<{ id: string }>('SELECT task_id AS id FROM post_auth ORDER BY id', (rows) =>
      enough(rows.map((row) => row.id)),
    )
    .then((rows) => rows.map((row) => row.id))

/** `gatepost serve` that is expected to refuse. */
function refused(instance: Instance, env: Record<string, string> = {}): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    execFile(
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, packageFile('bin/gatepost'), 'serve'],
      { env: { ...instance.env, ...env }, timeout: 40_000 },
      (error, stdout, stderr) => resolve({ status: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })
}

/** A small file system of its own for this test; null where none can be mounted, which is a failure where it should be possible. */
function mountSmall(t: Test, options: string): string | null {
  const mount = findCommand('mount')
  if (process.platform === 'linux' && process.getuid?.() === 0 && mount !== null) {
    const directory = mkdtempSync(join(tmpdir(), 'gatepost-test-'))
    execFileSync(mount, ['-t', 'tmpfs', '-o', options, 'tmpfs', directory])
    t.teardown(() => {
      // Lazily: processes that are being killed may hold it a moment longer.
      execFileSync('umount', ['-l', directory])
      rmdirSync(directory)
    })
    return directory
  }
  if (process.env['CI']) t.fail('a small file system cannot be mounted here')
  else t.comment('skipped: mounting a small file system takes root on Linux')
  return null
}

const until = async (holds: () => boolean | Promise<boolean>) => {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await holds()) return true
    await sleep(50)
  }
  return false
}

async function started(t: Test, env: Record<string, string> = {}): Promise<Instance> {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), env)
  t.teardown(() => instance.destroy())
  return instance.start()
}

t.test(
  'one instance for a directory, also while the first is killed and started again',
  { timeout: 180_000 },
  async (t) => {
    const instance = await started(t)
    const other = await Instance.create(instance.dataDir)
    t.teardown(() => other.destroy())
    const { status, output } = await refused(other)
    t.equal(status, 1)
    t.match(output, /another instance of gatepost is running on .*GATEPOST_DATA_DIR/)

    // Symptom this guards against: two stores on one directory when starts fall into the moments after a SIGKILL.
    for (let round = 0; round < 4; round++) {
      await instance.stop('SIGKILL')
      await other.stop('SIGKILL')
      const starts = await Promise.allSettled([instance.start(), other.start()])
      t.same(starts.map((start) => start.status).sort(), ['fulfilled', 'rejected'], 'one of two starts wins')
      for (const start of starts) if (start.status === 'rejected') t.match(String(start.reason), /another instance/)
      const winner = starts[0].status === 'fulfilled' ? instance : other
      t.equal((await post(winner, `round-${round}`)).status, 204)
      t.ok((await stored(winner, (ids) => ids.length > round)).includes(`round-${round}`))
    }
  },
)

t.test('no process outlives its supervisor', { timeout: 120_000 }, async (t) => {
  const instance = await started(t, { GATEPOST_WORKERS: '2' })
  const children = [...instance.children('ingest-main'), ...instance.children('store-main')]
  t.equal(children.length, 3)
  await instance.stop('SIGKILL')
  t.ok(await until(() => !children.some(isAlive)), 'all are gone')
})

t.test('a worker that dies is replaced, its open segment recovered', { timeout: 120_000 }, async (t) => {
  const instance = await started(t)
  const [worker] = instance.children('ingest-main')
  const [store] = instance.children('store-main')
  t.equal((await post(instance, 'before')).status, 204)
  process.kill(worker, 'SIGKILL')
  t.ok(await until(async () => (await post(instance, 'after').catch(() => null))?.status === 204), 'accepts again')
  const ids = await stored(instance, (found) => found.includes('before') && found.includes('after'))
  t.same([...new Set(ids)].sort(), ['after', 'before'])
  t.not(instance.children('ingest-main')[0], worker)

  process.kill(store, 'SIGKILL')
  t.equal((await post(instance, 'while the store is away')).status, 204)
  t.ok(await until(() => instance.children('store-main').some((pid) => pid !== store)))
  await until(() =>
    instance.query('SELECT 1').then(
      () => true,
      () => false,
    ),
  )
  t.ok(
    (await stored(instance, (found) => found.includes('while the store is away'))).includes('while the store is away'),
  )

  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /gatepost_process_restarts_total\{process="ingest-0"\} 1/)
  t.match(metrics, /gatepost_process_restarts_total\{process="store"\} 1/)
})

t.test('SIGTERM stores everything and ends with status 0; so does Ctrl-C', { timeout: 120_000 }, async (t) => {
  const instance = await started(t)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        post(instance, `${signal}-${index}`).then((response) => t.equal(response.status, 204)),
      ),
    )
    const children = [...instance.children('ingest-main'), ...instance.children('store-main')]
    t.equal(await instance.stop(signal), 0)
    t.notOk(children.some(isAlive))
    t.same(readdirSync(join(instance.dataDir, 'journal', '0')), [], 'nothing is left in the journal')
    await instance.start()
    t.equal((await stored(instance, () => true)).filter((id) => id.startsWith(signal)).length, 50)
  }
})

t.test('a start that cannot be is refused with the reason', { timeout: 120_000 }, async (t) => {
  const directory = t.testdir({ file: 'not a directory' })
  const instance = await Instance.create(join(directory, 'data'))

  const wrong = await refused(instance, { GATEPOST_WORKERS: 'many', GATEPOST_ACK: 'maybe', GATEPOST_SQL_PASSWORD: '' })
  t.equal(wrong.status, 2)
  t.match(wrong.output, /GATEPOST_WORKERS=many: allowed is/)
  t.match(wrong.output, /GATEPOST_ACK=maybe: allowed is durable or fast/)

  const noDirectory = await refused(instance, { GATEPOST_DATA_DIR: join(directory, 'file', 'data') })
  t.equal(noDirectory.status, 2)
  t.match(noDirectory.output, /GATEPOST_DATA_DIR=.*cannot be created/)
  if (process.platform === 'linux') {
    // Symptom: the start never ended and took a core, because a recursive mkdir below /proc does not.
    t.equal((await refused(instance, { GATEPOST_DATA_DIR: '/proc/gatepost' })).status, 2)
  }

  const stranger = createServer().listen(instance.ingestPort, '127.0.0.1')
  await once(stranger, 'listening')
  const taken = await refused(instance)
  t.equal(taken.status, 2)
  t.match(taken.output, new RegExp(`GATEPOST_INGEST_PORT=${instance.ingestPort}: cannot listen`))
  await new Promise((resolve) => stranger.close(resolve))

  mkdirSync(join(directory, 'data', 'store', 'metadata'), { recursive: true })
  mkdirSync(join(directory, 'data', 'store', 'data'), { recursive: true })
  writeFileSync(join(directory, 'data', 'store', 'metadata', 'gatepost.sql'), 'this is no SQL')
  const corrupt = await refused(instance)
  t.equal(corrupt.status, 1)
  t.match(corrupt.output, /cannot start/)
})

t.test('a file system that cannot be written', { timeout: 60_000 }, async (t) => {
  const directory = mountSmall(t, 'ro,size=64k')
  if (directory === null) return
  const instance = await Instance.create(join(directory, 'data'))
  const { status, output } = await refused(instance)
  t.equal(status, 2)
  t.match(output, /GATEPOST_DATA_DIR=.*cannot be created/)
})

t.test(
  'a full journal: post-auth is refused, gateways are answered, nothing acknowledged is lost',
  { timeout: 120_000 },
  async (t) => {
    const instance = await started(t, { GATEPOST_JOURNAL_MAX_BYTES: '64KiB' })
    const [store] = instance.children('store-main')
    const ping = async () =>
      (await fetch(instance.url('/ping?gw_id=x&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'))).headers.get(
        'x-gatepost-record',
      )
    // The store stands still, so nothing leaves the journal.
    process.kill(store, 'SIGSTOP')
    t.teardown(() => isAlive(store) && process.kill(store, 'SIGCONT'))
    const acknowledged: string[] = []
    let full: Response | null = null
    for (let index = 0; full === null && index < 5000; index++) {
      const response = await post(instance, `full-${String(index).padStart(5, '0')}`)
      if (response.status === 204) acknowledged.push(`full-${String(index).padStart(5, '0')}`)
      else full = response
    }
    t.equal(full?.status, 503)
    t.equal(full?.headers.get('retry-after'), '5')
    t.equal(full?.headers.get('x-gatepost-record'), 'dropped')
    // A ping is smaller: a few may fit where no post-auth did.
    t.ok(await until(async () => (await ping()) === 'dropped'), 'a gateway still gets its Pong')
    const scrape = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
    t.match(
      scrape,
      /gatepost_records_not_kept_total\{topic="gateway_pings",reason="LOG_FULL",process="ingest-0"\} [1-9]/,
    )

    process.kill(store, 'SIGCONT')
    t.ok(await until(async () => (await post(instance, 'room again')).status === 204), 'takes records again')
    const ids = await stored(instance, (found) => found.includes('room again') && found.length > acknowledged.length)
    t.same(
      ids.filter((id) => id.startsWith('full-')),
      acknowledged,
      'every acknowledged record once, none of the refused',
    )
  },
)

t.test('a full disk', { timeout: 120_000 }, async (t) => {
  const journal = mountSmall(t, 'size=256k')
  if (journal === null) return
  const data = join(t.testdir({ data: {} }), 'data')
  symlinkSync(journal, join(data, 'journal'))
  const instance = await Instance.create(data)
  t.teardown(() => instance.destroy())
  await instance.start()
  t.equal((await post(instance, 'a')).status, 204)
  writeFileSync(join(journal, 'ballast'), Buffer.alloc(150_000))
  const ballast = join(journal, 'ballast2')
  try {
    writeFileSync(ballast, Buffer.alloc(200_000))
  } catch (error) {
    t.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
  t.ok(await until(async () => (await post(instance, 'b')).status === 503), 'refused while the disk is full')
  const answer = await fetch(instance.url('/ping?gw_id=x&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'))
  t.equal(await answer.text(), 'Pong')
  t.equal(answer.headers.get('x-gatepost-record'), 'dropped')
  execFileSync('rm', ['-f', ballast, join(journal, 'ballast')])
  t.ok(await until(async () => (await post(instance, 'c')).status === 204), 'goes on when there is room')
  const ids = await stored(instance, (found) => found.includes('a') && found.includes('c'))
  t.ok(ids.includes('a') && ids.includes('c'))
  t.equal(await instance.stop(), 0)
})

t.test(
  'a corrupt segment is noticed, kept aside, and costs nothing that is intact',
  { timeout: 120_000 },
  async (t) => {
    const instance = await started(t)
    const [store] = instance.children('store-main')
    process.kill(store, 'SIGSTOP')
    for (let index = 0; index < 5; index++) {
      t.equal((await post(instance, `block-${index}`)).status, 204)
    }
    await sleep(800)
    const slot = join(instance.dataDir, 'journal', '0')
    const [segment] = readdirSync(slot).filter((name) => name.startsWith('post_auth'))
    const bytes = readFileSync(join(slot, segment))
    // The third block's count: its bytes are then no block.
    const third = bytes.indexOf('block-2')
    const previous = bytes.lastIndexOf(bytes.subarray(bytes.length - 16), third)
    bytes[previous + 16] = 0
    writeFileSync(join(slot, segment), bytes)
    process.kill(store, 'SIGCONT')
    const ids = await stored(instance, (found) => found.length >= 4)
    t.same(ids, ['block-0', 'block-1', 'block-3', 'block-4'])
    // It is put aside when all that is intact is stored.
    const aside = join(instance.dataDir, 'journal', 'corrupt', segment)
    t.ok(await until(() => existsSync(aside)))
    t.ok(await until(() => instance.output.includes('is corrupt')))
  },
)

t.test('metrics, health and readiness', { timeout: 60_000 }, async (t) => {
  const instance = await started(t)
  await post(instance, 'x')
  const get = (path: string) => fetch(instance.url(path, instance.metricsPort))
  t.equal((await get('/healthz')).status, 200)
  const ready = await get('/readyz')
  t.equal(ready.status, 200)
  t.match(await ready.json(), { ready: true, processes: { 'ingest-0': 'ready', store: 'ready' } })
  t.equal((await get('/nothing')).status, 404)
  await stored(instance, (found) => found.length > 0)
  const lines = [
    /gatepost_requests_total\{route="post_auth",status="204",process="ingest-0"\} 1/,
    /gatepost_batch_records_count\{topic="post_auth",process="ingest-0"\} 1/,
    /gatepost_commit_seconds_count\{topic="post_auth",process="ingest-0"\} 1/,
    /gatepost_journal_bytes\{process="ingest-0"\} \d/,
    /gatepost_journal_age_seconds\{process="store"\} \d/,
    /gatepost_aggregator_rows_total\{topic="post_auth",process="store"\} 1/,
    /gatepost_aggregator_insert_seconds_count\{topic="post_auth",process="store"\} 1/,
    /gatepost_aggregator_lag_seconds\{topic="post_auth",process="store"\} /,
    /gatepost_sql_queries_total\{outcome="completed",process="store"\} /,
    /gatepost_process_up\{process="store"\} 1/,
  ]
  // A row can be read before the process that stored it has counted it.
  let text = ''
  await until(async () => {
    text = await (await get('/metrics')).text()
    return lines.every((line) => line.test(text))
  })
  for (const line of lines) t.match(text, line)
  // The private listeners are apart from the public ones.
  t.equal((await fetch(instance.url('/metrics'))).status, 404)
})

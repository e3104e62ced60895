import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Instance, isAlive } from '../helpers/instance.ts'
import { created } from '../helpers/mixes.ts'
import { post, stored } from '../helpers/post-auth.ts'
import { until } from '../helpers/until.ts'

/* The processes of `gatepost serve`: one instance per directory, a dead process is replaced, and a stop stores everything. */

t.test('one instance per directory, even while the first is killed and started again', async (t) => {
  const instance = await (await created(t)).start()
  const other = await Instance.create(instance.dataDir)
  t.teardown(() => other.destroy())
  const { status, output } = await other.refused()
  t.equal(status, 1)
  t.match(output, /another instance of gatepost is running on .*GATEPOST_DATA_DIR/)

  // Symptom: two stores on one directory if starts happened just after a SIGKILL.
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
})

t.test('children inherit no option of the supervisor', async (t) => {
  if (process.platform !== 'linux') return t.comment('there is no /proc here')
  const secrets = {
    GATEPOST_SECRET: 'the secret of the token key',
    GATEPOST_SQL_ADMIN_PASSWORD: 'a long password of SQL',
  }
  const instance = await (await created(t, { ...secrets, GATEPOST_LOG_LEVEL: 'debug' })).start()
  for (const child of [...instance.children('ingest-main'), ...instance.children('store-main')]) {
    const inherited = readFileSync(`/proc/${child}/environ`, 'utf8').split('\0')
    t.same(
      inherited.filter((line) => line.startsWith('GATEPOST_')),
      ['GATEPOST_LOG_LEVEL=debug'],
    )
  }
  t.equal(await instance.stop(), 0)
})

t.test('gateways come first: all threads of the store give way to ingest', async (t) => {
  if (process.platform !== 'linux') return t.comment('there is no /proc here')
  const instance = await (await created(t)).start()
  await instance.query('SELECT count() FROM gatepost.post_auth')
  const values = (file: 'ingest-main' | 'store-main') =>
    instance.children(file).flatMap((pid) => {
      const threads = readdirSync(`/proc/${pid}/task`)
      // The engine puts the one that watches its memory first, if it may.
      const others = threads.filter(
        (id) => !readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').startsWith('MemoryWorker'),
      )
      return others.map((id) => getPriority(Number(id)))
    })
  const [normal] = values('ingest-main')
  t.same(new Set(values('ingest-main')), new Set([normal]))
  t.same(new Set(values('store-main')), new Set([Math.max(normal, 7)]))
})

t.test('no process outlives its supervisor', async (t) => {
  const instance = await (await created(t, { GATEPOST_WORKERS: '2' })).start()
  const children = [...instance.children('ingest-main'), ...instance.children('store-main')]
  t.equal(children.length, 3)
  await instance.stop('SIGKILL')
  t.ok(await until(() => !children.some(isAlive)), 'all are gone')
})

t.test('a worker that dies is replaced, its open segment recovered', async (t) => {
  const instance = await (await created(t)).start()
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

t.test('SIGTERM stores everything and ends with status 0; so does Ctrl-C', async (t) => {
  const instance = await (await created(t)).start()
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

t.test('an impossible start is refused with the reason', async (t) => {
  const directory = t.testdir({ file: 'not a directory' })
  const instance = await Instance.create(join(directory, 'data'))

  const wrong = await instance.refused({ GATEPOST_WORKERS: 'many', GATEPOST_ACK: 'maybe', GATEPOST_SQL_PASSWORD: '' })
  t.equal(wrong.status, 2)
  t.match(wrong.output, /GATEPOST_WORKERS=many: allowed is/)
  t.match(wrong.output, /GATEPOST_ACK=maybe: allowed is durable or fast/)

  const noDirectory = await instance.refused({ GATEPOST_DATA_DIR: join(directory, 'file', 'data') })
  t.equal(noDirectory.status, 2)
  t.match(noDirectory.output, /GATEPOST_DATA_DIR=.*cannot be created/)
  if (process.platform === 'linux') {
    // Symptom: the start never ended and used a whole core. Root cause: a recursive mkdir below /proc never ends.
    t.equal((await instance.refused({ GATEPOST_DATA_DIR: '/proc/gatepost' })).status, 2)
  }

  const stranger = createServer().listen(instance.ingestPort, '127.0.0.1')
  await once(stranger, 'listening')
  const taken = await instance.refused()
  t.equal(taken.status, 2)
  t.match(taken.output, new RegExp(`GATEPOST_INGEST_PORT=${instance.ingestPort}: cannot listen`))
  await new Promise((resolve) => stranger.close(resolve))

  mkdirSync(join(directory, 'data', 'store', 'metadata'), { recursive: true })
  mkdirSync(join(directory, 'data', 'store', 'data'), { recursive: true })
  writeFileSync(join(directory, 'data', 'store', 'metadata', 'gatepost.sql'), 'this is no SQL')
  const corrupt = await instance.refused()
  t.equal(corrupt.status, 1)
  t.match(corrupt.output, /cannot start/)
})

t.test('metrics, health and readiness', async (t) => {
  const instance = await (await created(t)).start()
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
  // The private listeners are separate from the public ones.
  t.equal((await fetch(instance.url('/metrics'))).status, 404)
})

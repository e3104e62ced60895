import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Bucket } from '../../runtime/backup/s3/bucket.ts'
import { S3Backups } from '../../runtime/backup/s3/s3-backups.ts'
import { Instance } from '../helpers/instance.ts'
import { compare, Load } from '../helpers/load.ts'
import { gatepost } from '../helpers/mixes.ts'
import { S3_KEY, startS3, withoutS3 } from '../helpers/s3-server.ts'
import { until } from '../helpers/until.ts'

/* Backups in a bucket of a real S3 server: the same as in a directory. */

interface Made {
  readonly id: string
  readonly base: string | null
  readonly directory: string
  readonly bytes: number
}

const BUCKET = 'backups'
const TO = `s3://${BUCKET}/site/one`
const options = { skip: withoutS3 }

async function started(t: Test, name: string) {
  const directory = t.testdir({ s3: {}, data: {}, fresh: {} })
  const server = await startS3(join(directory, 's3'), [BUCKET])
  t.teardown(() => server.stop())
  const create = async (own: string, env: Record<string, string> = {}) => {
    const all = { GATEPOST_AUTH_MODE: 'open', ...server.env, ...env }
    const instance = await Instance.create(join(directory, own), all)
    t.teardown(() => instance.destroy())
    return instance
  }
  const objects = () => readdirSync(join(directory, 's3', BUCKET), { recursive: true, encoding: 'utf8' })
  return {
    directory,
    server,
    create,
    objects,
    file: (...path: string[]) => join(directory, 's3', BUCKET, ...path),
    name,
  }
}

async function json<T>(instance: Instance, ...words: string[]): Promise<T> {
  const { status, stdout, stderr } = await gatepost(instance, ...words, '--json')
  if (status !== 0) throw new Error(`gatepost ${words.join(' ')}: ${status}: ${stderr}`)
  return JSON.parse(stdout) as T
}

async function loaded(instance: Instance, first: number): Promise<Load> {
  const load = new Load([instance], { maxRequests: 200, pauseMs: 5, first })
  load.start(1)
  await until(() => load.total >= 150)
  await load.stop()
  return load
}

t.test('a backup, one that is based on it, verify, list, and a restore with every record', options, async (t) => {
  const { create, objects, file } = await started(t, 'whole')
  const instance = await (await create('data')).start()
  const before = await loaded(instance, 0)
  const full = await json<Made>(instance, 'backup', '--to', TO)
  t.equal(full.directory, `${TO}/${full.id}`)
  t.ok(objects().includes(join('site/one', full.id, 'manifest.json')))
  const after = await loaded(instance, 500_000)
  const next = await json<Made>(instance, 'backup', '--to', TO, '--base', full.id)
  t.equal(next.base, full.id)
  t.ok(next.bytes < full.bytes, `${next.bytes} < ${full.bytes}`)
  t.notOk(existsSync(join(instance.dataDir, 'run', 'backup-s3')), 'nothing is left in the data directory')
  const listed = await json<Made[]>(instance, 'backup', 'list', '--to', TO)
  t.same(listed.map(({ id, base }) => [id, base]), [[full.id, null], [next.id, full.id]]) // prettier-ignore
  t.match(await gatepost(instance, 'backup', '--to', TO, '--base', next.id), { status: 2, stderr: /has a base itself/ })
  t.match(await json(instance, 'backup', 'verify', '--to', TO), { id: next.id })
  t.match(await json(instance, 'backup', 'verify', '--to', `${TO}/${full.id}`), { id: full.id })
  t.equal(await instance.stop(), 0)

  const stopped = await json<Made>(instance, 'backup', '--to', TO, '--base', full.id)
  const fresh = await create('fresh')
  t.match(await json(fresh, 'restore', '--from', TO), { id: stopped.id, secret: true })
  await fresh.start()
  for (const load of [before, after]) {
    t.ok(await until(async () => (await compare((sql) => fresh.query(sql), load)).lost === 0))
    t.match(await compare((sql) => fresh.query(sql), load), { lost: 0, duplicates: 0 })
  }

  const some = objects().find((path) => path.includes(join(full.id, 'tables')) && path.endsWith('.bin')) as string
  const bytes = readFileSync(file(some))
  writeFileSync(file(some), Buffer.concat([bytes.subarray(1), Buffer.from([bytes[0] ^ 1])]))
  t.match(await gatepost(fresh, 'backup', 'verify', '--to', TO), { status: 2, stderr: /is damaged/ })
})

t.test('on a schedule; and old ones are removed, but no base that is needed', options, async (t) => {
  const { create, objects, server } = await started(t, 'schedule')
  const instance = await (await create('data', { GATEPOST_BACKUP_TO: TO })).start()
  const ids = async () => (await json<Made[]>(instance, 'backup', 'list')).map(({ id }) => id)
  t.ok(await until(async () => (await ids()).length === 1), 'the first is made at once')
  const [first] = await ids()
  t.ok(
    await until(async () => {
      const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
      return /^gatepost_backup_last_success_timestamp_seconds(\{.*\})? 1\d/m.test(metrics)
    }),
  )
  const based = await json<Made>(instance, 'backup', '--base', first)
  const backups = new S3Backups(TO, { endpoint: server.url, region: 'us-east-1', sessionToken: undefined, ...S3_KEY })
  t.same(await backups.removeOld(1), [])
  t.same(await ids(), [first, based.id], 'the base stays')
  const full = await json<Made>(instance, 'backup')
  t.same(await backups.removeOld(1), [first, based.id])
  t.same(await ids(), [full.id])
  t.same(objects().filter((path) => path.includes(first) && path.endsWith('.bin')), []) // prettier-ignore
})

t.test('a wrong key, bucket or server is said, and leaves nothing behind', options, async (t) => {
  const { create, server } = await started(t, 'wrong')
  const instance = await (await create('data')).start()
  await instance.stop()
  const said = async (env: Record<string, string>, to = TO) => {
    const other = await create('data', env)
    const { status, stderr } = await gatepost(other, 'backup', '--to', to)
    t.notOk(existsSync(join(other.dataDir, 'run', 'backup-s3')))
    return { status, stderr }
  }
  t.match(await said({ AWS_SECRET_ACCESS_KEY: 'another one' }), { status: 2, stderr: /403 .*SignatureDoesNotMatch/ })
  t.match(await said({ AWS_ACCESS_KEY_ID: '' }), { status: 2, stderr: /needs AWS_ACCESS_KEY_ID and AWS_SECRET/ })
  t.match(await said({}, 's3://nowhere/x'), { status: 2, stderr: /no such bucket/ })
  t.match(await said({}, 's3://UPPER/x'), { status: 2, stderr: /allowed is s3:\/\/bucket/ })
  t.match(await said({ GATEPOST_BACKUP_TO: 's3:/one' }, 's3://'), { status: 2, stderr: /allowed is s3:\/\/bucket/ })
  const doctor = async (env: Record<string, string>) => {
    const { stdout } = await gatepost(await create('data', { GATEPOST_BACKUP_TO: TO, ...env }), 'doctor', '--json')
    const { findings } = JSON.parse(stdout) as { findings: { check: string }[] }
    return findings.find(({ check }) => check === 'bucket')
  }
  t.match(await doctor({}), { level: 'ok', found: `${TO} has 0 backups` })
  t.match(await doctor({ AWS_SECRET_ACCESS_KEY: 'x' }), { level: 'problem', found: /403/, advice: /the key/ })
  await server.stop()
  t.match(await said({}), { status: 1, stderr: /ECONNREFUSED/ })
})

t.test('a large file goes in parts, and a listing in pages', options, async (t) => {
  const { directory, server } = await started(t, 'parts')
  const access = { endpoint: server.url, region: 'us-east-1', sessionToken: undefined, ...S3_KEY }
  const bucket = new Bucket({ bucket: BUCKET, prefix: 'a b/ü+&/' }, access)
  const large = join(directory, 'large')
  const content = Buffer.alloc(40 * 1024 * 1024, 'some text of forty-one characters in all')
  writeFileSync(large, content)
  await bucket.put('x/large', large)
  const chunks: Buffer[] = []
  for await (const chunk of (await bucket.get('x/large')) as AsyncIterable<Buffer>) chunks.push(chunk)
  t.ok(Buffer.concat(chunks).equals(content))
  const small = join(directory, 'small')
  writeFileSync(small, '')
  const names = Array.from({ length: 1005 }, (_, index) => `x/${String(index).padStart(4, '0')}`)
  for (let at = 0; at < names.length; at += 50)
    await Promise.all(names.slice(at, at + 50).map((name) => bucket.put(name, small)))
  t.same((await bucket.namesBelow('x')).sort(), [...names, 'x/large'].sort())
  t.same(await bucket.folders(), ['x'])
  await bucket.remove('x/large')
  await t.rejects(bucket.get('x/large'), { code: 'INPUT_INVALID', message: /is missing/ })
  t.equal(await bucket.text('x/large', 10), null)
})

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageFile, packageVersion } from '../../common/package-root.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { freePorts } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/* The steps of deploy/docker/Dockerfile that need no Docker. */

const directory = mkdtempSync(join(tmpdir(), 'gatepost-docker-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

interface LockedPackage {
  readonly dev?: boolean
}

/** What `install` makes, without a registry: the package, and the dependencies that are installed here. */
async function installed(name: string, ...flags: string[]): Promise<string> {
  const root = join(directory, name)
  mkdirSync(root)
  const packed = await run('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', root], {
    cwd: packageFile('.'),
  })
  if (packed.status !== 0) throw new Error(packed.stderr)
  const unpacked = await run('tar', ['-xzf', `gatepost-${packageVersion()}.tgz`, '--strip-components=1'], { cwd: root })
  if (unpacked.status !== 0) throw new Error(unpacked.stderr)
  rmSync(join(root, `gatepost-${packageVersion()}.tgz`))
  const lock = JSON.parse(readFileSync(packageFile('package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>
  }
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (path === '' || dev === true || path.lastIndexOf('node_modules') > 0 || !existsSync(packageFile(path))) continue
    mkdirSync(dirname(join(root, path)), { recursive: true })
    cpSync(packageFile(path), join(root, path), { recursive: true })
  }
  const pruned = await run(packageFile('deploy/docker/prune'), [root, ...flags])
  if (pruned.status !== 0) throw new Error(pruned.stderr)
  return root
}

/** A shell command in a file system of its own, in which `root` cannot be written. */
const sealed = (root: string, command: string): string[] => {
  const readOnly = `mount --bind "${root}" "${root}" && mount -o remount,ro,bind "${root}" && cd /`
  return ['--user', '--map-root-user', '--mount', 'sh', '-c', `${readOnly} && ${command}`]
}

const canSeal = (await run('unshare', ['--user', '--map-root-user', '--mount', 'true'])).status === 0
const options = canSeal ? {} : { skip: 'unshare cannot make a file system of its own here' }

t.test('the whole runs from a read-only directory, and its health check says so', options, async (t) => {
  const root = await installed('whole')
  const [gateway, ingest, sql, dashboard, metrics] = await freePorts(5)
  const env = cleanEnv({
    GATEPOST_DATA_DIR: join(directory, 'data'),
    GATEPOST_GATEWAY_PORT: String(gateway),
    GATEPOST_INGEST_PORT: String(ingest),
    GATEPOST_SQL_PORT: String(sql),
    GATEPOST_DASHBOARD_PORT: String(dashboard),
    GATEPOST_METRICS_PORT: String(metrics),
  })
  const health = () => run(process.execPath, [packageFile('deploy/docker/health.js')], { env })
  t.equal((await health()).status, 1, 'before the start')
  const words = sealed(
    root,
    `! touch "${root}/x" 2>/dev/null && exec env -u NODE_OPTIONS "${process.execPath}" "${root}/bin/gatepost" serve`,
  )
  const child = spawn('unshare', words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)))
  t.ok(await until(() => output.includes('is running') || child.exitCode !== null), 'it starts')
  t.equal(child.exitCode, null, output)
  t.equal((await health()).status, 0)
  const login = JSON.stringify({ username: 'alice', authentication_result: 'Access-Accept' })
  const answer = await fetch(`http://127.0.0.1:${ingest}/logging/post-auth`, { method: 'POST', body: login })
  t.equal(answer.status, 204)
  const stored = await until(async () => {
    const query = encodeURIComponent('SELECT count() FROM post_auth')
    return (await (await fetch(`http://127.0.0.1:${sql}/?query=${query}`)).text()) === '1\n'
  })
  t.ok(stored)
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})

t.test(
  'without the engine, ingest and commands work, and the embedded store says what is missing',
  options,
  async (t) => {
    const root = await installed('cluster', '--without-engine')
    t.notOk(existsSync(join(root, 'node_modules/chdb')))
    const gatepost = (command: string, env: Record<string, string> = {}) => {
      const words = sealed(root, `exec "${process.execPath}" "${root}/bin/gatepost" ${command}`)
      return run('unshare', words, { env: cleanEnv({ GATEPOST_DATA_DIR: join(directory, 'none'), ...env }) })
    }
    for (const command of ['--version', 'ingest --help', 'aggregator --help', 'reporter --help', 'config'])
      t.equal((await gatepost(command)).status, 0, command)
    mkdirSync(join(directory, 'none'))
    for (const command of ['sessions', 'serve'])
      t.match(await gatepost(command), { status: 2, stderr: /this installation has no engine/ }, command)
    const unreachable = { GATEPOST_KAFKA_BROKERS: '127.0.0.1:9', GATEPOST_SECRET: 'a secret of the test' }
    t.match(await gatepost('topics check', unreachable), { status: 1, stderr: /127\.0\.0\.1:9/ })
    const server = { GATEPOST_CLICKHOUSE_URL: 'http://127.0.0.1:9/' }
    t.match(await gatepost('sessions', server), { status: 1, stderr: /ECONNREFUSED/ }, 'a server needs no engine')
  },
)

t.test('the edge of the cluster is the one that is tested, with other instances', (t) => {
  const lines = (path: string) =>
    readFileSync(packageFile(path), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*server [\w.-]+:\d+;$/.test(line))
  t.same(lines('deploy/docker/nginx.conf').slice(1), lines('deploy/nginx/gatepost.conf'))
  t.end()
})

t.test('Node.js is the version that package.json asks for, in both stages', (t) => {
  const dockerfile = readFileSync(packageFile('deploy/docker/Dockerfile'), 'utf8')
  const versions = [...dockerfile.matchAll(/^FROM node:(\d+)\.(\d+)\.\d+-bookworm/gm)].map(
    ([, major, minor]) => `${major}.${minor}`,
  )
  t.equal(versions.length, 2)
  t.equal(new Set(versions).size, 1)
  t.match(readFileSync(packageFile('package.json'), 'utf8'), new RegExp(`\\^${versions[0].split('.')[0]}\\.`))
  t.end()
})

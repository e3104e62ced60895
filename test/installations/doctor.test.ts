import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageVersion } from '../../common/package-root.ts'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import { ClusterNode } from '../helpers/cluster-node.ts'
import { grantsOf, RIGHTS } from '../../store/server/rights.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { packageFile } from '../../common/package-root.ts'
import type { Finding } from '../../runtime/doctor/finding.ts'

/* `gatepost doctor` beside a running instance, without one, and where things are wrong. */

const NOBODY_LISTENS = '127.0.0.1:9'

/** The findings by check, and the exit status. */
async function doctor(env: NodeJS.ProcessEnv): Promise<{ status: number | null; findings: Map<string, Finding> }> {
  const { status, stdout } = await run(process.execPath, [packageFile('bin/gatepost'), 'doctor', '--json'], { env })
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] }
  if (ok !== (status === 0)) throw new Error(`status ${status}, but ok is ${ok}`)
  return { status, findings: new Map(findings.map((finding) => [finding.check, finding])) }
}

async function created(t: Test, env: Record<string, string> = {}): Promise<Instance> {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), env)
  t.teardown(() => instance.destroy())
  return instance
}

t.test('beside a running instance', async (t) => {
  const instance = await (await created(t)).start()
  await fetch(instance.url('/logging/post-auth'), { method: 'POST', body: '{bad' })
  await instance.queryUntil<{ n: number }>('SELECT toUInt32(count()) AS n FROM dead_letters', ([{ n }]) => n === 1)
  const { status, findings } = await doctor(instance.env)
  t.equal(status, 0, 'warnings are no problem')
  for (const check of ['configuration', 'node', 'data directory', 'sync', 'instance', 'records', 'lag', 'store'])
    t.equal(findings.get(check)?.level, 'ok', check)
  t.equal(findings.get('version')?.found, `${packageVersion()}, here and in the instance`)
  t.match(findings.get('dead letters'), {
    level: 'warning',
    found: /1 post-auth bad_json/,
    advice: /dead-letters list/,
  })

  t.match(findings.get('backup'), { level: 'warning', found: 'none was made', advice: /GATEPOST_BACKUP_TO/ })
  const to = join(t.testdirName, 'backups')
  await run(process.execPath, [packageFile('bin/gatepost'), 'backup', '--to', to], { env: instance.env })

  t.equal(await instance.stop(), 0)
  const after = await doctor(instance.env)
  t.match(after.findings.get('backup'), { level: 'ok', found: to })
  t.match(after.findings.get('instance')?.found, 'none answers')
  t.match(after.findings.get('store')?.found, 'not looked at')
})

t.test('before the first start, nothing is created', async (t) => {
  const instance = await created(t)
  const none = join(instance.dataDir, 'none')
  const { status, findings } = await doctor({ ...instance.env, GATEPOST_DATA_DIR: none })
  t.equal(status, 0)
  t.match(findings.get('data directory')?.found, 'does not exist yet')
  t.notOk(existsSync(none))
})

t.test('each thing that is wrong is a problem, with what to do', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const instance = await created(t)
  const file = join(instance.dataDir, '..', 'file')
  writeFileSync(file, '')
  for (const [variables, check, found] of [
    [{ GATEPOST_SQL_PORT: String(port) }, 'ports', `GATEPOST_SQL_PORT=${port}: cannot listen on`],
    [{ GATEPOST_DATA_DIR: join(file, 'data') }, 'data directory', 'may not write to'],
    [{ GATEPOST_TLS_CERT: file, GATEPOST_TLS_KEY: file }, 'certificate', 'GATEPOST_TLS_CERT'],
    [{ GATEPOST_KAFKA_BROKERS: NOBODY_LISTENS }, 'topics', NOBODY_LISTENS],
    [{ GATEPOST_CLICKHOUSE_URL: `http://${NOBODY_LISTENS}/` }, 'store', 'ECONNREFUSED'],
  ] as const) {
    const { status, findings } = await doctor({ ...instance.env, ...variables })
    t.equal(status, 1, check)
    t.match(findings.get(check), { level: 'problem', found, advice: /./ }, check)
  }
  const notYaml = join(instance.dataDir, '..', 'broken.yaml')
  writeFileSync(notYaml, 'policies: [')
  for (const wrong of [
    { GATEPOST_WORKERS: 'many' },
    { GATEPOST_POLICIES: notYaml },
    { GATEPOST_SQL_USERS: notYaml, GATEPOST_SQL_PASSWORD: 'a-long-enough-password' },
  ] as Record<string, string>[]) {
    const [[name, value]] = Object.entries(wrong)
    const { status, stderr } = await run(process.execPath, [packageFile('bin/gatepost'), 'doctor'], {
      env: { ...instance.env, ...wrong },
    })
    t.equal(status, 2)
    t.match(stderr, `${name}=${value}: `)
  }
})

t.test('a server: rights', async (t) => {
  const directory = t.testdir({ whole: {}, less: {}, data: {} })
  const doctorAt = async (node: ClusterNode) => {
    t.teardown(() => node.stop())
    const instance = await Instance.create(join(directory, 'data'), {
      GATEPOST_CLICKHOUSE_URL: node.url,
      GATEPOST_CLICKHOUSE_CLUSTER: 'gatepost',
    })
    t.teardown(() => instance.destroy())
    return doctor(instance.env)
  }
  const whole = await doctorAt(await ClusterNode.start(join(directory, 'whole')))
  t.match(whole.findings.get('rights'), { level: 'ok' })
  const grants = grantsOf(RIGHTS.filter(({ privilege }) => privilege !== 'ALTER' && privilege !== 'REMOTE'))
  const less = await doctorAt(await ClusterNode.start(join(directory, 'less'), grants))
  t.equal(less.status, 1)
  t.match(less.findings.get('rights'), {
    level: 'problem',
    found: /lacks ALTER on gatepost\.\*, REMOTE on \*\.\*$/,
    advice: /GRANT ALTER ON gatepost\.\* TO gatepost; GRANT REMOTE ON \*\.\* TO gatepost;/,
  })
})

t.test('a server: migrations and clocks', async (t) => {
  const directory = t.testdir({ server: {}, data: {} })
  const server = await StoreServer.start(join(directory, 'server'))
  t.teardown(() => server.stop())
  const instance = await Instance.create(join(directory, 'data'), { GATEPOST_CLICKHOUSE_URL: server.url() })
  t.teardown(() => instance.destroy())
  await instance.start()
  const { findings } = await doctor(instance.env)
  for (const check of ['store', 'clocks', 'dead letters'])
    t.equal(findings.get(check)?.level, 'ok', JSON.stringify(findings.get(check)))
})

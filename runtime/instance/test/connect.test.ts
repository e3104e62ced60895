import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { METRICS } from '../../../reporter/metrics/definitions.ts'
import { addLogins, openEngine } from '../../../reporter/test/engine.ts'
import { listLocations, replaceLocations } from '../../../reporter/locations/table.ts'
import { engineRoles, startSqlEndpoint } from '../../../sql-endpoint/index.ts'
import { loadConfig } from '../../config/config.ts'
import { connect } from '../connect.ts'
import { instanceFile, removeInstanceFile, writeInstanceFile } from '../instance-file.ts'
import { runCommand, runHere } from '../../../cli/test/run-cli.ts'

/** What the command line needs of a running instance: the engine, locked by this process, its endpoint, and the instance file. */
const dataDir = join(t.testdir(), 'data')
const engine = await openEngine(dataDir, engineRoles())
const key = 'a-key-of-this-start'
const endpoint = await startSqlEndpoint({
  dataPath: join(dataDir, 'store'),
  host: '127.0.0.1',
  port: 0,
  operatorKey: key,
  logger: pino({ level: 'silent' }),
})
const info = { pid: process.pid, sqlUrl: `http://127.0.0.1:${endpoint.port}`, user: 'operator', key }
t.beforeEach(() => writeInstanceFile(dataDir, info))
t.teardown(async () => {
  await endpoint.close()
  await engine.close()
})

const config = loadConfig({ GATEPOST_DATA_DIR: dataDir })
const gatepost = (command: string) => runCommand(command.split(' '), { GATEPOST_DATA_DIR: dataDir })
const today = new Date().toISOString().slice(0, 10)

t.test('commands use the running instance', async (t) => {
  const file = join(t.testdir({ 'sites.csv': 'ip,location_id,name\n192.0.2.1,7,"O\'Hara \\ ""x"" é"\n' }), 'sites.csv')
  t.same(await gatepost(`locations import ${file}`), { status: 0, stdout: 'imported 1 locations\n', stderr: '' })
  const list = await gatepost('locations list --json')
  t.same(JSON.parse(list.stdout), [{ ip: '192.0.2.1', location_id: 7, name: `O'Hara \\ "x" é` }])
  t.same(await listLocations(engine), JSON.parse(list.stdout), 'as the instance itself sees it')

  const yesterday = new Date(Date.parse(today) - 1000).toISOString()
  await addLogins(engine, [
    { at: yesterday, user: 'ALICE1', site: '192.0.2.1' },
    { at: yesterday, user: 'ALICE1', site: '203.0.113.1' },
  ])
  const usage = await gatepost(`metrics account-usage --date ${today} --json`)
  t.equal(usage.stderr, '')
  t.match(JSON.parse(usage.stdout), { total: 1, transactions: 2, roaming: 1, one_time: 0 })
  const users = await gatepost(`metrics unique-users --period month --date ${today} --json`)
  t.match(JSON.parse(users.stdout), { metric_name: 'unique-users', count: Number })
  t.same(await engine.query('SELECT metric_name, period FROM gatepost.metrics FINAL ORDER BY metric_name'), [
    { metric_name: 'account-usage', period: 'day' },
    { metric_name: 'unique-users', period: 'month' },
  ])
})

t.test('every metric works through the SQL endpoint of a running instance', async (t) => {
  for (const { name, periods } of METRICS) {
    const words = ['metrics', name, '--period', periods[0], '--json']
    const result = await runHere(words, { GATEPOST_DATA_DIR: dataDir })
    t.equal(result.stderr, '', name)
    t.match(JSON.parse(result.stdout), { metric_name: name, period: periods[0] })
  }
})

t.test('many locations at once, and fewer again', async (t) => {
  const store = await connect(config, () => {})
  const many = Array.from({ length: 20_000 }, (_, i) => {
    return { ip: `10.0.${i >> 8}.${i & 255}`, location_id: i, name: 'x'.repeat(30) }
  })
  await replaceLocations(store, many)
  t.equal((await listLocations(store)).length, many.length)
  await replaceLocations(store, many.slice(0, 2))
  t.same(await listLocations(store), many.slice(0, 2))
  await t.rejects(store.query('SELECT no_such_column FROM gatepost.metrics'), { code: 'STORE_REFUSED' })
  await t.rejects(store.query("SELECT * FROM file('/etc/passwd', 'LineAsString')"), { code: 'STORE_REFUSED' })
  await store.close()
  t.same(await engine.query(`SELECT name FROM system.tables WHERE name LIKE 'ip_locations_%'`), [])
})

t.test('an instance file of another user is not trusted', async (t) => {
  const held = { code: 'DIRECTORY_LOCKED' }
  writeInstanceFile(dataDir, { ...info, key: 'of an earlier start' })
  await t.rejects(
    connect(config, () => {}, 100),
    held,
    'another key',
  )
  writeInstanceFile(dataDir, { ...info, sqlUrl: 'http://127.0.0.1:9' })
  await t.rejects(
    connect(config, () => {}, 100),
    held,
    'nobody listens',
  )
  mkdirSync(join(dataDir, 'run'), { recursive: true })
  writeFileSync(instanceFile(dataDir), '{')
  await t.rejects(
    connect(config, () => {}, 100),
    held,
    'half a file',
  )
  removeInstanceFile(dataDir)
  await t.rejects(
    connect(config, () => {}, 100),
    held,
    'no announcement',
  )
})

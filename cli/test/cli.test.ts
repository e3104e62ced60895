import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockDirectory } from '../../common/directory-lock.ts'
import { packageFile } from '../../common/package-root.ts'
import { METRICS } from '../../reporter/metrics/definitions.ts'
import { addLogins, openEngine } from '../../reporter/test/engine.ts'
import { insertRows } from '../../store/table-store.ts'
import { connect } from '../../runtime/instance/connect.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { runCli, runCommand, runHere, type CliResult } from './run-cli.ts'

const dataDir = join(t.testdir(), 'data')
const gatepost = (command: string, env: Record<string, string> = {}): Promise<CliResult> =>
  runCommand(command.split(' '), { GATEPOST_DATA_DIR: dataDir, ...env })
const gatepostHere = (command: string, env: Record<string, string> = {}): Promise<CliResult> =>
  runHere(command.split(' '), { GATEPOST_DATA_DIR: dataDir, ...env })
const gatepostProcess = (command: string, env: Record<string, string> = {}): Promise<CliResult> =>
  runCli(command.split(' '), { GATEPOST_DATA_DIR: dataDir, ...env })

const DAY_MS = 86_400_000
const dayBefore = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10)

t.test('help and version', async (t) => {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }
  t.same(await gatepostProcess('--version'), { status: 0, stdout: `${version}\n`, stderr: '' })
  const help = await gatepostProcess('--help')
  t.match(help, { status: 0, stdout: /serve .*metrics .*locations .*config .*Exit status.*Examples/s })
  t.notMatch(help.stdout, /capacity/)
  for (const command of [
    'serve',
    'metrics',
    'metrics list',
    'metrics account-usage',
    'locations import',
    'accounts import',
    'config',
  ]) {
    t.match(await gatepostHere(`${command} --help`), { status: 0, stdout: /Examples:/ }, command)
  }
})

t.test('wrong usage ends with status 2 and says what is wrong', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['metrcs', /unknown command 'metrcs'.*metrics/s],
    ['metrics no-such', /unknown command/],
    ['metrics account-usage --period year', /day, week, month/],
    ['metrics account-usage --date 2024-02-30', /2024-02-30 is not a day/],
    ['metrics account-usage --date 9999-01-01', /9999-01-01 is in the future/],
    ['metrics account-usage extra', /too many arguments/],
    ['metrics account-usage --to 2024-02-29', /--to .* goes with --from/],
    ['metrics account-usage --from 2024-02-29 --date 2024-02-29', /'--date <date>' cannot be used with option '--from/],
    ['metrics account-usage --from 2024-02-29 --to 2024-02-28', /before its beginning/],
    ['metrics account-usage --json --csv', /cannot be used with/],
    ['metrics request-stats --date 2024-02-29T24', /not an hour; write it as 2024-02-29T13/],
    ['metrics request-stats --from 2001-01-01', /more than 10000 results/],
    ['metrics inactive-users --period day', /month/],
    ['logins --since 2024-02-30', /--since 2024-02-30: allowed is a time of the calendar/],
    ['logins --since 2024-02-29T24:30', /--since 2024-02-29T24:30: allowed is a time of the calendar/],
    ['logins --since 9999-01-01', /--since 9999-01-01: is in the future/],
    ['access deny mac 50:a6:7f:84:9c:d1 --until 2023-02-29', /--until 2023-02-29: allowed is a time of the calendar/],
    ['access deny mac 50:a6:7f:84:9c:d1 --until 2024-02-29', /--until 2024-02-29: is in the past/],
    ['publish daily --date 2024-02-30', /2024-02-30 is not a day/],
    ['publish daily --date 9999-01-01', /9999-01-01 is in the future/],
    ['publish daily --only nothing', /'nothing' is invalid\. Allowed choices are account-usage/],
    ['publish daily --to nobody', /'nobody' is invalid\. Allowed choices are performance-platform/],
    ['publish yearly', /unknown command 'yearly'/],
    ['locations import', /missing required argument/],
    ['locations import /no/such/file', /cannot read \/no\/such\/file/],
    ['config --xml', /unknown option/],
    ['capacity --help', /gatepost capacity is not part of this version/],
  ]
  for (const [command, stderr] of cases)
    t.match(await gatepostHere(command), { status: 2, stdout: '', stderr }, command)
  const [[command, stderr]] = cases
  t.match(await gatepostProcess(command), { status: 2, stdout: '', stderr }, 'as a process')
})

t.test('a wrong configuration stops every command, and the message names every wrong variable', async (t) => {
  const env = { GATEPOST_WORKERS: 'many', GATEPOST_SECRET: 'hunter2' }
  for (const command of ['serve', 'config', 'metrics unique-users', 'locations list']) {
    const result = await (command === 'serve' ? gatepostProcess : gatepostHere)(command, env)
    t.match(result, { status: 2, stdout: '', stderr: /GATEPOST_WORKERS=many.*1 to 256/ }, command)
    t.match(result.stderr, /GATEPOST_SECRET=\*+: allowed is at least 16 characters/)
    t.notMatch(result.stderr, 'hunter2')
  }
})

t.test('config', async (t) => {
  const env = { GATEPOST_WORKERS: '3', GATEPOST_SQL_PASSWORD: 'hunter2hunter2', GATEPOST_WORKER: '1' }
  const json = await gatepost('config --json', env)
  t.match(json, { status: 0, stderr: /did you mean GATEPOST_WORKERS/ })
  const entries = JSON.parse(json.stdout) as { variable: string }[]
  const entry = (name: string) => entries.find(({ variable }) => variable === name)
  t.match(entry('GATEPOST_WORKERS'), { value: '3', source: 'environment', description: String })
  t.match(entry('GATEPOST_SQL_PASSWORD'), { value: '********', source: 'environment' })
  t.match(entry('GATEPOST_SECRET'), { value: null, source: 'default' })
  t.match(await gatepost('config', env), { status: 0, stdout: /^variable.*\n.*GATEPOST_WORKERS +3 +environment\n/s })
  t.notMatch(json.stdout, 'hunter2')
})

t.test('a command that only reads makes no data directory', async (t) => {
  const none = join(t.testdir(), 'none')
  for (const command of [
    'logins', 'sessions', 'gateways', 'metrics active-users', 'dead-letters list', 'publish daily --dry-run', 'publish status', 'accounts list',
    'locations list', 'tail pings', 'forget --user alice --dry-run', 'replay --archive',
  ]) {
    const { status, stderr } = await gatepostHere(command, { GATEPOST_DATA_DIR: none })
    t.equal(status, 2, command)
    t.match(stderr, none, command)
    t.notOk(existsSync(none), command)
  }
}) // prettier-ignore

t.test('locations: a wrong file changes nothing', async (t) => {
  const good = join(t.testdir(), 'good.json')
  const bad = join(t.testdirName, 'bad.csv')
  writeFileSync(good, '[{"ip":"192.0.2.1","location_id":7,"name":"Town hall"},{"ip":"192.0.2.2","location_id":8}]')
  writeFileSync(bad, 'ip,location_id\n192.0.2.3,9\n192.0.2.300,9\n')
  t.same(await gatepost(`locations import ${good}`), {
    status: 0,
    stdout: 'imported 2 locations\n',
    stderr: `created the data directory ${dataDir}\n`,
  })
  t.match(await gatepost(`locations import ${bad}`), { status: 2, stdout: '', stderr: /line 3: ip "192.0.2.300"/ })
  t.match(await gatepost('locations import http://127.0.0.1:9/'), { status: 1, stderr: /cannot download/ })
  const list = await gatepost('locations list --json')
  t.same(JSON.parse(list.stdout), [
    { ip: '192.0.2.1', location_id: 7, name: 'Town hall' },
    { ip: '192.0.2.2', location_id: 8, name: '' },
  ])
  t.match(await gatepost('locations list'), { stdout: /^ip +location_id +name\n192.0.2.1 +7 +Town hall\n/ })
})

t.test('metrics of the data directory', async (t) => {
  const engine = await openEngine(dataDir)
  const yesterday = `${dayBefore(1)}T12:00:00.000Z`
  await addLogins(engine, [
    { at: yesterday, user: 'ALICE1', site: '192.0.2.1' },
    { at: yesterday, user: 'ALICE1', site: '192.0.2.2' },
    { at: yesterday, user: 'BOBBY1', site: '203.0.113.1' },
  ])
  await engine.close()
  const date = dayBefore(0)
  const json = await gatepost(`metrics account-usage --date ${date} --json`)
  t.match(json, { status: 0, stderr: '' })
  t.same(JSON.parse(json.stdout), {
    metric_name: 'account-usage',
    period: 'day',
    date,
    total: 2,
    transactions: 3,
    roaming: 1,
    one_time: 1,
  })
  const text = await gatepost(`metrics account-usage --date ${date}`)
  t.match(text, { status: 0, stdout: /^account-usage, the day before \d{4}-\d\d-\d\d.*\ntransactions +3\n/s })
  const list = JSON.parse((await gatepost('metrics list --json')).stdout) as { metric_name: string }[]
  t.same(
    list.map(({ metric_name }) => metric_name),
    METRICS.map(({ name }) => name),
  )
})

t.test('metrics before the retention end with status 3, unless stored or partial', async (t) => {
  const command = `metrics account-usage --date ${dayBefore(60)}`
  t.match(await gatepost(`${command} --json`), {
    status: 3,
    stdout: '',
    stderr: new RegExp(`oldest complete day is ${dayBefore(31)}`),
  })
  const partial = await gatepost(`${command} --json --partial`)
  t.match(JSON.parse(partial.stdout), { total: 0, complete: false })
  t.match(await gatepost(command, { GATEPOST_RETENTION_DAYS: '90' }), { status: 0 })
  const stored = await gatepost(`${command} --json`)
  t.match(JSON.parse(stored.stdout), { total: 0, one_time: 0, stored: true })
})

t.test('gateways and dead letters', async (t) => {
  const engine = await openEngine(dataDir)
  const now = new Date().toISOString().replace('T', ' ').slice(0, 23)
  const ping = (gw_id: string, received_at: string) => ({ gw_id, received_at, sys_uptime: 5, trusted: 1 })
  await insertRows(engine, 'gatepost.gateway_pings (gw_id, received_at, sys_uptime, trusted)', [
    ping('gw-up', now),
    ping('gw-down', `${dayBefore(1)} 12:00:00.000`),
  ])
  await insertRows(engine, 'gatepost.dead_letters (received_at, source, reason, error)', [
    { received_at: `${dayBefore(1)} 12:00:00.000`, source: 'ping', reason: 'bad_field', error: 'older' },
    { received_at: now, source: 'ping', reason: 'bad_field', error: 'sys_load: "x" is no number' },
  ])
  await engine.close()
  const gateways = JSON.parse((await gatepost('gateways --json')).stdout) as unknown
  t.match(gateways, [
    { gw_id: 'gw-down', state: 'down', sys_uptime: 5, interval_seconds: null, clients: 0, restarts: 0 },
    { gw_id: 'gw-up', state: 'up' },
  ])
  const down = await gatepost('gateways --down')
  t.match(down.stdout, /^gw_id .*\ngw-down +down /)
  t.notMatch(down.stdout, 'gw-up')
  const newest = JSON.parse((await gatepost('dead-letters list --limit 1 --json')).stdout) as unknown
  t.match(newest, [{ received_at: now, source: 'ping', reason: 'bad_field', payload: '', batch_index: 0 }])
  t.match((await gatepost('dead-letters list')).stdout, /^received_at .*\n.*is no number\n.*older\n$/)
  t.match(await gatepost('dead-letters list --limit 0'), { status: 2, stderr: /1 to 100000/ })
})

t.test('a directory that another process locks is waited for, then reported', async (t) => {
  const lock = await lockDirectory(join(dataDir, 'store'), 'store')
  const config = loadConfig({ GATEPOST_DATA_DIR: dataDir })
  await t.rejects(
    connect(config, () => {}, 300),
    { code: 'DIRECTORY_LOCKED', message: /another gatepost process is using .*data/ },
  )
  setTimeout(() => void lock.release(), 100)
  t.match(await gatepostProcess('locations list --json'), { status: 0 })
})

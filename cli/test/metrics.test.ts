import { parse } from 'csv-parse/sync'
import { join } from 'node:path'
import t from 'tap'
import { addLogins, addPings, openEngine } from '../../reporter/test/engine.ts'
import { csv } from '../../common/csv.ts'
import { runCommand, type CliResult } from './run-cli.ts'

/* Series and CSV of `gatepost metrics`, and what `gatepost publish` would send; cli.test.ts tests the rest. */

const dataDir = join(t.testdir(), 'data')
const gatepost = (command: string): Promise<CliResult> =>
  runCommand(command.split(' '), { GATEPOST_DATA_DIR: dataDir, GATEPOST_RETENTION_DAYS: '32' })

const DAY_MS = 86_400_000
const dayBefore = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10)
const lines = (text: string): string[][] => parse(text)

t.before(async () => {
  const engine = await openEngine(dataDir)
  await addLogins(engine, [
    { at: `${dayBefore(2)}T12:00:00.000Z`, user: 'ALICE1', site: '192.0.2.1' },
    { at: `${dayBefore(1)}T12:00:00.000Z`, user: 'ALICE1', site: '=1+1,"x"' },
    { at: `${dayBefore(1)}T12:00:00.000Z`, user: 'BOBBY1', site: '192.0.2.1', success: 0 },
  ])
  await addPings(engine, [{ at: `${dayBefore(1)}T12:00:00.000Z`, gateway: '@gw\n1' }])
  await engine.close()
})

t.test('CSV quotes where necessary, and defuses formulas', (t) => {
  t.equal(csv(['a', 'b'], []), 'a,b')
  t.equal(csv(['a', 'b'], [[-1, null]]), 'a,b\n-1,')
  t.equal(csv(['a', 'b'], [['x,"y"\n', true]]), 'a,b\n"x,""y""\n",true')
  t.equal(csv(['a'], [['=1+1'], ['+441'], ['@x'], ['-2']]), "a\n'=1+1\n'+441\n'@x\n'-2")
  t.end()
})

t.test('one metric as CSV: a line of headings, and a line of values or one for each row', async (t) => {
  const usage = await gatepost(`metrics account-usage --date ${dayBefore(0)} --csv`)
  t.match(usage, { status: 0, stderr: '' })
  t.same(lines(usage.stdout), [
    ['metric_name', 'period', 'date', 'total', 'transactions', 'roaming', 'one_time', 'stored', 'complete'],
    ['account-usage', 'day', dayBefore(0), '1', '1', '0', '1', 'false', 'true'],
  ])
  const sites = await gatepost(`metrics request-stats --date ${dayBefore(1)}T13 --csv`)
  const key = ['request-stats', 'hour', `${dayBefore(1)}T13`]
  t.same(lines(sites.stdout), [
    ['metric_name', 'period', 'date', 'site_ip', 'successes', 'failures', 'stored', 'complete'],
    [...key, '192.0.2.1', '0', '1', 'false', 'true'],
    [...key, `'=1+1,"x"`, '1', '0', 'false', 'true'],
  ])
  const devices = await gatepost(`metrics user-devices --date ${dayBefore(5)} --csv`)
  t.same(lines(devices.stdout)[1], ['user-devices', 'day', dayBefore(5), '', 'false', 'true'], 'null is empty')
})

t.test('rows and null in the table for people', async (t) => {
  const gateways = await gatepost(`metrics gateway-availability --date ${dayBefore(0)}`)
  t.match(gateways, {
    status: 0,
    stdout: /^gateway-availability, the day before .*\ngw_id +expected +seen .*\n\S+ +720 +1 +0\.0014 +43200\n/s,
  })
  t.match(await gatepost(`metrics user-devices --date ${dayBefore(5)}`), { stdout: /\ndevices +none\n/ })
  const own = await gatepost('metrics inactive-users --date 2024-03-15')
  t.match(own, { status: 0, stdout: /^inactive-users, as of 2024-03-15 .*\ndays +26\n/s }, 'a window of its own')
  t.match(await gatepost('metrics list'), { stdout: /^metric_name +periods +description\n(.{1,150}\n)+$/ })
  t.match(await gatepost('metrics request-stats --help'), {
    stdout: /Fields of each site: site_ip, successes, failures/,
  })
})

t.test('a series as table, JSON array and CSV', async (t) => {
  const series = `metrics active-users --from ${dayBefore(2)} --to ${dayBefore(0)}`
  const json = await gatepost(`${series} --json`)
  t.match(json, { status: 0, stderr: '' }, 'no progress without a terminal')
  const result = (days: number, users: number) => {
    return { metric_name: 'active-users', period: 'day', date: dayBefore(days), users }
  }
  t.same(JSON.parse(json.stdout), [result(2, 0), result(1, 1), result(0, 1)])
  t.match(await gatepost(series), { status: 0, stdout: /^date +users\n(\S+ +[01]\n){3}$/ })
  const sites = await gatepost(`metrics request-stats --from ${dayBefore(1)}T12 --to ${dayBefore(1)}T14 --csv`)
  t.equal(lines(sites.stdout).length, 3, 'hours without logins have no row')
})

t.test('a series that begins before the retention prints the available results, and ends with status 3', async (t) => {
  const result = await gatepost(
    `metrics active-users --from ${dayBefore(40)} --to ${dayBefore(19)} --period week --json`,
  )
  t.match(result, {
    status: 3,
    stderr: new RegExp(`stored for 3 windows, ${dayBefore(40)} to ${dayBefore(26)}; .*${dayBefore(31)}`),
  })
  t.equal((JSON.parse(result.stdout) as unknown[]).length, 1)
})

t.test('what would be published is printed without any publisher', async (t) => {
  for (const command of ['publish daily --dry-run --json', 'publish daily --to stdout --dry-run --json']) {
    const { status, stdout, stderr } = await gatepost(command)
    t.equal(status, 0, stderr)
    const drafts = JSON.parse(stdout) as { publisher: string; body: { metric_name: string } }[]
    t.ok(drafts.some(({ publisher, body }) => publisher === 'stdout' && body.metric_name === 'active-users'))
  }
  const sent = await gatepost('publish daily')
  t.equal(sent.status, 2)
  t.match(sent.stderr, /GATEPOST_PUBLISH is not set: .*--to stdout prints/)
  t.match((await gatepost('publish daily --to s3')).stderr, /--to s3: GATEPOST_PUBLISH names none; stdout is always/)
})

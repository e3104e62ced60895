import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { subjectHash } from '../../privacy/erased.ts'
import { packageFile } from '../../common/package-root.ts'
import { filesHolding } from '../helpers/files-holding.ts'
import { forgetOnDashboard } from '../helpers/dashboard-forget.ts'
import { Instance } from '../helpers/instance.ts'
import { requestEveryRoute } from '../helpers/routes.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'
import type { Forgotten } from '../../privacy/forget-person.ts'

/* `gatepost forget` beside a running instance: afterwards no table, archive or log contains the value. */

/** Not the example of the schemas' descriptions, which every segment contains. */
const MAC = '02-4B-9D-E1-77-3C'
const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), {
  GATEPOST_AUTH_MODE: 'open',
  GATEPOST_ARCHIVE_MAX_BYTES: '10 MiB',
})
t.teardown(() => instance.destroy())

const gatepost = (...arguments_: string[]) =>
  run(process.execPath, [packageFile('bin/gatepost'), ...arguments_], { env: instance.env })

async function forget(...arguments_: string[]): Promise<Forgotten> {
  const { status, stdout, stderr } = await gatepost('forget', '--json', ...arguments_)
  t.equal(status, 0, stderr)
  return JSON.parse(stdout) as Forgotten
}

async function login(username: string, mac: string): Promise<void> {
  const body = JSON.stringify({ username, mac, authentication_result: 'Access-Accept', site_ip_address: '127.0.0.1' })
  const { status } = await fetch(instance.url('/logging/post-auth'), { method: 'POST', body })
  t.equal(status, 204)
}

/** Columns of all tables that contain a text, in any spelling. */
async function columnsWith(text: string): Promise<string[]> {
  const tables = await instance.query<{ table: string; names: string[] }>(
    `SELECT c.table AS table, groupArray(c.name) AS names
       FROM system.columns AS c JOIN system.tables AS s ON s.database = c.database AND s.name = c.table
      WHERE c.database = 'gatepost' AND s.engine LIKE '%MergeTree' GROUP BY table`,
  )
  t.ok(tables.flatMap(({ names }) => names).length > 100, 'all columns are looked at')
  const found: string[] = []
  for (const { table, names } of tables) {
    const holds = names.map((name) => `countIf(positionCaseInsensitive(toString(${name}), '${text}') > 0) > 0`)
    const [rows] = await instance.query<{ holds: number[] }>(
      `SELECT [${holds.join(', ')}] AS holds FROM gatepost.${table}`,
    )
    names.forEach((name, index) => {
      if (rows.holds[index] === 1) found.push(`${table}.${name}`)
    })
  }
  return found
}

/** Files that contain a text, except the engine's own, which are compressed. */
function filesWith(text: string): string[] {
  return filesHolding(instance.dataDir, text, (path) => !path.startsWith(join(instance.dataDir, 'store/')))
}

t.test('afterwards no table, archive or log has the person, and their records are not stored again', async (t) => {
  await instance.start()
  t.same(await requestEveryRoute(instance, 'zalice'), [])
  t.same(await requestEveryRoute(instance, 'bobbyb'), [])
  await login('bobbyb', MAC)
  t.equal((await gatepost('access', 'deny', 'mac', MAC)).status, 0)
  t.equal((await gatepost('access', 'deny', 'account', 'zalice')).status, 0)
  await instance.queryUntil<{ n: number }>(
    `SELECT toUInt32(count()) AS n FROM access_control UNION ALL SELECT toUInt32(count()) FROM post_auth`,
    (rows) => rows.some(({ n }) => n === 2) && rows.some(({ n }) => n === 3),
  )
  t.ok(await until(() => filesWith(MAC).some((path) => path.includes('/archive/'))))
  t.ok((await columnsWith(MAC)).includes('login_calendar.detail'))

  const before = await forget('--mac', MAC, '--dry-run')
  t.match(before, { dry_run: true, tables: { post_auth: 1, login_calendar: 1, access_decisions: 1 } })
  t.match(before, { access_control: 1, archive: { segments: 1, records: 1 } })
  t.ok((await columnsWith(MAC)).length > 0, 'nothing was removed yet')

  t.match(await forget('--mac', '02:4b:9d:e1:77:3c'), { tables: { post_auth: 1 }, archive: { records: 1 } })
  t.same(await columnsWith(MAC), [])
  t.same(filesWith(MAC), [])

  t.match(await forget('--user', 'zalice'), { tables: { post_auth: 1, dead_letters: 1 } })
  const left = await columnsWith('zalice')
  t.same(
    left.filter((column) => !/gw_id|task_id|^gateway|^session/.test(column)),
    [],
    'the gateway of the test bears the name too, and gateways are no people',
  )

  const again = await forget('--user', 'zalice')
  t.same(
    Object.values(again.tables).filter((rows) => rows > 0),
    [],
    'the second time it finds nothing',
  )
  t.match(again, { access_control: 0, archive: { records: 0 } })
  const replayed = await gatepost('replay', '--archive', '--json')
  t.equal(replayed.status, 0, replayed.stderr)
  t.same(
    await instance.query('SELECT username FROM post_auth ORDER BY username'),
    [{ username: 'bobbyb' }],
    'nobody comes back, and others are there',
  )

  await login('zalice', MAC)
  t.equal(
    (await instance.queryUntil("SELECT 1 FROM post_auth WHERE username = 'zalice'", (rows) => rows.length > 0)).length,
    1,
  )
  t.equal(await instance.stop(), 0)
})

t.test('a record that is not stored yet does not reach the tables or the archive', async (t) => {
  await instance.start()
  // It stores nothing any more, however long the logins take.
  const [store] = instance.children('store-main')
  process.kill(store, 'SIGSTOP')
  await Promise.all([login('zlater', MAC), login('carolc', '02-00-00-00-00-01')])
  const stopped = instance.stop('SIGKILL')
  process.kill(store, 'SIGKILL')
  await stopped
  t.ok(
    filesWith('zlater').every((path) => path.includes('/journal/')) && filesWith('zlater').length > 0,
    'it is in the journal only',
  )
  t.match(await forget('--user', 'zlater'), { tables: { post_auth: 0 }, archive: { records: 0 } })
  await instance.start()
  await instance.queryUntil("SELECT 1 FROM post_auth WHERE username = 'carolc'", (rows) => rows.length > 0)
  await until(() => filesWith('zlater').length === 0)
  t.same(filesWith('zlater'), [])
  t.ok(
    filesWith('carolc').some((path) => path.includes('/archive/')),
    'others of its segment are in the archive',
  )
  t.same(await columnsWith('zlater'), [])
  t.equal(await instance.stop(), 0)
})

t.test('on the dashboard of the instance', async (t) => {
  await instance.start()
  const post = (body: object) => forgetOnDashboard(instance, body)
  t.equal((await gatepost('access', 'deny', 'mac', MAC)).status, 0)
  t.match(await post({ mac: MAC }), { dry_run: true, tables: { post_auth: 1 }, access_control: 1 })
  t.ok((await columnsWith(MAC)).length > 0)
  const done = await post({ mac: MAC, dry_run: false })
  t.match(done, { dry_run: false, tables: { post_auth: 1 }, access_control: 1, archive: { records: 1 } })
  t.match(done.remains.join('\n'), /journal segments/)
  t.same(await columnsWith(MAC), [], 'the audit log neither')
  t.same(filesWith(MAC), [])
  const mutations = filesHolding(join(instance.dataDir, 'store'), MAC, (path) => /mutation_\d+\.txt$/.test(path))
  t.same(mutations, [], 'nor the texts of the deletions')
  const secret = readFileSync(join(instance.dataDir, 'secret'), 'utf8').trim()
  const subject = `mac:${subjectHash(secret, 'mac', MAC)}`
  t.same(await instance.query("SELECT who, action, subject FROM audit_log WHERE who = 'local' ORDER BY at"), [
    { who: 'local', action: 'forget_counted', subject },
    { who: 'local', action: 'forget', subject },
  ])
  t.equal(await instance.stop(), 0)
})

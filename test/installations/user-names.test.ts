import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { createLogger } from '../../common/logger.ts'
import { publishedRule } from '../../runtime/ingest-process/user-names.ts'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'
import { FIXTURE_ENV, fixtureVersions, unpack } from '../upgrade/fixture.ts'

/* By which rule user names are stored, and that an installation keeps its rule. */

async function login(instance: Instance, username: string): Promise<void> {
  const body = JSON.stringify({ username, mac: '02-00-00-00-00-01', authentication_result: 'Access-Accept' })
  const { status } = await fetch(instance.url('/logging/post-auth'), { method: 'POST', body })
  t.equal(status, 204)
}

const names = (instance: Instance, pattern: string) =>
  instance.query<{ username: string }>(
    `SELECT username FROM post_auth WHERE username ILIKE '${pattern}' ORDER BY username`,
  )

const gatepost = (instance: Instance, ...words: string[]) =>
  run(process.execPath, [packageFile('bin/gatepost'), ...words], { env: instance.env })

async function found(t: Test, instance: Instance, user: string): Promise<string[]> {
  const { status, stdout, stderr } = await gatepost(instance, 'logins', '--json', '--user', user)
  t.equal(status, 0, stderr)
  return (JSON.parse(stdout) as { logins: { username: string }[] }).logins.map(({ username }) => username)
}

t.test('a new installation stores whole names in lower case, and keeps that', async (t) => {
  const directory = join(t.testdir({ 'accounts.csv': 'username,created_at\nAlice.Bobson,2024-01-02\n' }), 'data')
  const instance = await Instance.create(directory)
  t.teardown(() => instance.destroy())
  // A command that makes the tables decides nothing.
  const file = join(directory, '../accounts.csv')
  t.match(await gatepost(instance, 'accounts', 'import', file), { status: 0 })
  await instance.start()
  for (const name of ['Alice.Bobson', 'ALICE.BOBSON', 'Alice.Bobsmith@Example.ORG']) await login(instance, name)
  t.ok(await until(async () => (await names(instance, 'alice%')).length === 3))
  t.same(await names(instance, '%'), [
    { username: 'alice.bobsmith@example.org' },
    { username: 'alice.bobson' },
    { username: 'alice.bobson' },
  ])
  t.same(await found(t, instance, 'aLICE.bobson'), ['alice.bobson', 'alice.bobson'])
  const accounts = await instance.query<{ last_login: string | null }>('SELECT last_login FROM account_status')
  t.match(accounts, [{ last_login: /^\d/ }], 'a login counts for the account, whatever its case')
  await instance.stop()

  const refused = await instance.refused({ GATEPOST_USERNAMES: 'govwifi' })
  t.equal(refused.status, 2)
  t.match(refused.output, /GATEPOST_USERNAMES=govwifi: .*rule lowercase.*Set GATEPOST_USERNAMES=lowercase/)
  await instance.start({ GATEPOST_USERNAMES: 'lowercase' })
  await login(instance, 'Alice3')
  t.ok(await until(async () => (await names(instance, 'alice3')).length === 1))
})

t.test('names are stored as they are sent, or as GovWifi does, if the first start says so', async (t) => {
  for (const [rule, stored] of [
    ['as-sent', 'Zoe.Bobson'],
    ['govwifi', 'ZOE.BO'],
  ] as const) {
    const instance = await Instance.create(join(t.testdir(), rule), { GATEPOST_USERNAMES: rule })
    t.teardown(() => instance.destroy())
    await instance.start()
    await login(instance, 'Zoe.Bobson')
    t.ok(await until(async () => (await names(instance, 'zoe%')).length === 1))
    t.same(await names(instance, 'zoe%'), [{ username: stored }])
    t.same(await found(t, instance, 'Zoe.Bobson'), [stored])
    t.same(await found(t, instance, 'ZOE.BOBSMITH'), rule === 'govwifi' ? [stored] : [])
    const { stdout } = await gatepost(instance, 'forget', '--json', '--dry-run', '--user', 'Zoe.Bobson')
    const { tables, remains } = JSON.parse(stdout) as { tables: { post_auth: number }; remains: string[] }
    t.equal(tables.post_auth, rule === 'govwifi' ? 0 : 1)
    t.equal(
      remains.some((text) => text.includes('first 6 characters')),
      rule === 'govwifi',
    )
    await instance.stop()
    await instance.start({ GATEPOST_USERNAMES: '' })
    await login(instance, 'Zoe.Bobsmith')
    t.ok(await until(async () => (await names(instance, 'zoe%')).length === 2))
    t.same((await names(instance, 'zoe%'))[1], { username: rule === 'govwifi' ? 'ZOE.BO' : 'Zoe.Bobson' })
    t.equal(await instance.stop(), 0)
  }
})

/** Installations that began before 0.2.0 had no other rule. */
const RULE_OF_0_1 = 'govwifi'

for (const version of fixtureVersions()) {
  const rule = version.startsWith('0.1.') ? RULE_OF_0_1 : 'lowercase'
  const [other, stored] = rule === 'govwifi' ? ['lowercase', 'QUENTI'] : ['govwifi', 'quentin']
  t.test(`an installation of ${version} goes on with its rule`, async (t) => {
    const directory = join(t.testdir(), 'data')
    unpack(version, 'data', directory)
    const instance = await Instance.create(directory, FIXTURE_ENV)
    t.teardown(() => instance.destroy())
    const refused = await instance.refused({ GATEPOST_USERNAMES: other })
    t.equal(refused.status, 2)
    t.match(refused.output, new RegExp(`Set GATEPOST_USERNAMES=${rule}`))
    await instance.start()
    await login(instance, 'Quentin')
    t.ok(await until(async () => (await names(instance, 'quent%')).length === 1))
    t.same(await names(instance, 'quent%'), [{ username: stored }])
    t.same(await instance.query(`SELECT value FROM settings WHERE name = 'user_names'`), [{ value: rule }])
    await instance.stop()

    const logger = createLogger('user-names-test')
    logger.level = 'silent'
    const access = await FileAccessLog.open(directory, logger)
    t.equal(publishedRule(access), rule, 'ingest is told the rule of the tables')
    await access.close()
  })
}

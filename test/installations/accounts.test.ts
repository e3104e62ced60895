import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { runCommand } from '../../cli/test/run-cli.ts'

/* Accounts from an operator's file, imported through a running instance, and a login afterwards. */
t.test('gatepost accounts', async (t) => {
  const directory = t.testdir()
  const instance = await Instance.create(join(directory, 'data'), {})
  t.teardown(() => instance.destroy())
  await instance.start()
  const accounts = (...words: string[]) => runCommand(['accounts', ...words], { GATEPOST_DATA_DIR: instance.dataDir })
  const file = join(directory, 'accounts.csv')
  writeFileSync(file, 'username,password,contact,created_at\nABCDEF,geheim,+491,2024-01-02\nBCDEFG,x,,2024-01-03\n')
  const imported = await accounts('import', file, '--json')
  t.match(imported, { status: 0, stderr: '' })
  t.same(JSON.parse(imported.stdout), { imported: 2, added: 2, ignored: ['password'] })
  t.match(await accounts('import', file), {
    status: 0,
    stdout: 'imported 2 accounts, 0 of them new\n',
    stderr: 'left out: password\n',
  })

  const answer = await fetch(instance.url('/logging/post-auth', instance.ingestPort), {
    method: 'POST',
    body: JSON.stringify({ username: 'abcdef', authentication_result: 'Access-Accept' }),
  })
  t.equal(answer.status, 204)
  await instance.queryUntil('SELECT name FROM account_logins', (rows) => rows.length === 1)
  const shown = JSON.parse((await accounts('show', 'abcdef', '--json')).stdout) as { last_login: string }
  t.match(shown, { username: 'ABCDEF', contact: '+491', sponsor: null, created_at: '2024-01-02 00:00:00.000' })
  t.equal(shown.last_login.slice(0, 10), new Date().toISOString().slice(0, 10))
  t.match(JSON.parse((await accounts('list', '--json')).stdout), [
    { username: 'BCDEFG', last_login: null },
    { username: 'ABCDEF', last_login: shown.last_login },
  ])
  t.match(await accounts('list', '--limit', '1'), { status: 0, stdout: /BCDEFG.*never/ })
  // The queries of these metrics pass the endpoint's guard as well.
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  const metric = async (name: string, ...words: string[]) => {
    const { stdout, stderr } = await runCommand(['metrics', name, '--date', tomorrow, '--json', ...words], {
      GATEPOST_DATA_DIR: instance.dataDir,
    })
    return stdout === '' ? stderr : (JSON.parse(stdout) as object)
  }
  t.match(await metric('account-usage'), { total: 1, transactions: 1, roaming: 0, one_time: 1 })
  t.match(await metric('roaming-users', '--period', 'month'), { active: 1, roaming: 0, cba: 0 })
  t.match(await metric('user-devices'), { devices: 0 })
  t.type(((await metric('unique-users')) as { count: number }).count, 'number')
  t.match(await metric('monthly-rolling-window-total-roaming-users'), { users: 0 })
  t.match(await metric('completion-rate'), { cumulative_all_registered: 2, cumulative_all_logged_in: 1 })
  t.match(await metric('inactive-users'), { new_active_users: 0, new_inactive_users: 0 })
  t.match(await accounts('show', 'nobody'), { status: 1, stderr: /there is no account nobody/ })

  writeFileSync(file, 'username,created_at\nCDEFGH,2024-02-30\nDEFGHI,2024-01-01\n')
  t.match(await accounts('import', file), { status: 2, stdout: '', stderr: /line 2: created_at "2024-02-30"/ })
  t.match(await accounts('import', `${file}.missing`), { status: 2, stderr: /cannot read .*ENOENT/ })
  t.match(await accounts('import', directory), { status: 2, stderr: /cannot read .*EISDIR/ })
  t.match(await accounts('show', 'CDEFGH'), { status: 1 }, 'nothing of a wrong file is there')
})

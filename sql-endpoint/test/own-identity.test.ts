import t from 'tap'
import { ADMIN, adminQuery, asReader, loginOf, namedReader, query, send, startHarness } from './harness.ts'

const guest = namedReader('guest', { hidden: ['readings.name'] })
const harness = await startHarness({ password: 'default-password', readers: [guest] })
t.teardown(() => harness.close())
const { url } = harness

const asDefault = (sql: string, params: Record<string, string> = {}) =>
  query(url, sql, { user: 'default', password: 'default-password', ...params })
const asGuest = asReader(url, 'guest')
const asAdmin = (sql: string, params: Record<string, string> = {}) => adminQuery(url, sql, params)

const USERS = [
  ['default', 'sql_reader', asDefault],
  ['guest', 'sql_reader_guest', asGuest],
  ['admin', 'sql_admin', asAdmin],
] as const

t.test('a statement is told who asks', async (t) => {
  // Twice: the judgement of the text is shared by all.
  for (let time = 0; time < 2; time++) {
    for (const [user, role, ask] of USERS) {
      for (const call of ['currentUser()', 'user()', 'CURRENT_USER()', 'session_user()', '`currentUser`()']) {
        t.equal((await ask(`SELECT ${call}`)).text, `${user}\n`, call)
      }
      for (const call of ['currentRoles()', 'enabledRoles()', 'defaultRoles()']) {
        t.equal((await ask(`SELECT ${call}`)).text, `['${role}']\n`, call)
      }
    }
  }
  const rows = async (sql: string) => (await asGuest(`${sql} FORMAT JSONCompactEachRowWithNames`)).text
  t.equal(
    await rows('SELECT currentUser(), upper(currentUser()), currentUser() AS me, length(me)'),
    '["currentUser()", "upper(currentUser())", "me", "length(me)"]\n["guest", "GUEST", "guest", 5]\n',
  )
  for (const sql of [
    'SELECT currentUser(), count() FROM readings GROUP BY currentUser()',
    `SELECT currentUser(), (SELECT count() FROM readings WHERE currentUser() = 'guest')`,
    'SELECT x[1], length(x) * 5 FROM (SELECT arrayMap(n -> currentUser(), [1, 2]) AS x)',
    'WITH currentUser() AS u SELECT u, 10',
  ]) {
    t.match((await asGuest(sql)).text, /^guest\t10\n$/, sql)
  }
  const claims = { param_gatepost_user: 'admin', param_gatepost_roles: `['sql_admin']` }
  t.equal((await asGuest('SELECT currentUser(), currentRoles()', claims)).text, `guest\t['sql_reader_guest']\n`)
  t.equal((await asAdmin('SELECT currentRoles()', { role: 'sql_reader' })).text, `['sql_reader']\n`)
  const session = { session_id: 'own-identity' }
  await asGuest('CREATE TEMPORARY TABLE mine (a UInt8)', session)
  t.equal((await asGuest('SELECT currentUser(), currentRoles()', session)).text, `guest\t['sql_reader_guest']\n`)
})

t.test('where the user would be that of another time, it is refused', async (t) => {
  const filters = { additional_table_filters: `{'readings': 'name = currentUser()'}` }
  for (const answer of [
    await asAdmin('CREATE VIEW of_user AS SELECT id FROM readings WHERE name = currentUser()'),
    await asAdmin('CREATE TABLE of_user (a String DEFAULT currentUser()) ENGINE = Memory'),
    await asDefault('SELECT count() FROM readings', filters),
    await asDefault(`SELECT count() FROM readings SETTINGS additional_table_filters = {'readings': 'name = user()'}`),
  ]) {
    t.match(answer, { status: 403, headers: { 'x-clickhouse-exception-code': '497' } })
  }
})

t.test('SHOW GRANTS', async (t) => {
  t.equal((await asDefault('SHOW GRANTS')).text, 'GRANT SELECT ON gatepost.* TO default\n')
  t.equal(
    (await asGuest('SHOW GRANTS FOR CURRENT_USER FORMAT JSONEachRow')).text,
    '{"GRANTS":"GRANT SELECT ON gatepost.* TO guest"}\n' +
      '{"GRANTS":"REVOKE SELECT(`name`, `name.size`, `name.null`, `name.size0`, `name.size1`, `name.keys`, `name.keys.size`, `name.values`, `name.values.size`, `_part`, `_partition_id`, `_partition_value`) ON gatepost.`readings` FROM guest"}\n',
  )
  const ofAdmin = (await asAdmin('SHOW GRANTS')).text
  t.match(ofAdmin, /^GRANT SELECT ON gatepost\.\* TO admin\nGRANT INSERT, CREATE TABLE, .* ON gatepost\.\* TO admin\n/)
  t.match(ofAdmin, /\nREVOKE ALL ON gatepost\.audit_log FROM admin\n/)
  t.equal((await asAdmin('SHOW GRANTS', { role: 'sql_reader' })).text, 'GRANT SELECT ON gatepost.* TO admin\n')
  for (const sql of [
    'SHOW GRANTS FOR default',
    'SHOW GRANTS FOR guest',
    'SHOW GRANTS WITH IMPLICIT',
    'SHOW GRANTS FOR ALL',
  ]) {
    for (const [, , ask] of USERS) t.ok((await ask(sql)).status >= 400, sql)
  }
})

t.test('SHOW SETTINGS, SETTING, ENGINES and PROCESSLIST', async (t) => {
  for (const [user, , ask] of USERS) {
    t.match((await ask(`SHOW SETTINGS LIKE 'max_block_size'`)).text, /^max_block_size\t[^\t]+\t\d+\n$/)
    t.match((await ask(`SHOW CHANGED SETTINGS ILIKE '%EXECUTION_TIME'`)).text, /^max_execution_time\tSeconds\t60\n$/)
    t.equal((await ask('SHOW SETTING max_execution_time')).text, '60\n')
    t.match((await ask('SHOW ENGINES')).text, /^ReplacingMergeTree\t/m)
    const own = await send(url, {
      body: 'SHOW PROCESSLIST FORMAT JSONEachRow',
      params: { query_id: `list-of-${user}` },
      headers:
        user === 'admin'
          ? ADMIN
          : {
              'X-ClickHouse-User': user,
              'X-ClickHouse-Key': user === 'guest' ? loginOf(user).password : 'default-password',
            },
    })
    const rows = own.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { user: string; query_id: string })
    t.match(rows, [{ user, query_id: `list-of-${user}` }])
    t.equal(rows.length, 1)
    for (const sql of ['SHOW USERS', 'SHOW ROLES', 'SHOW ACCESS', 'SHOW POLICIES', 'SHOW CREATE USER']) {
      const answer = await ask(sql)
      t.ok(answer.status >= 400, sql)
      t.match(answer.text, /Code: 497/, sql)
    }
  }
})

t.test('conditions in settings do not see more of the catalogue', async (t) => {
  for (const table of ['processes', 'tables', 'formats', 'databases']) {
    const condition = `1 IN (SELECT count() FROM system.${table})`
    const answer = await asDefault('SELECT count() FROM readings', {
      additional_table_filters: `{'readings': '${condition}'}`,
    })
    t.match(answer, { status: 403 }, table)
  }
  const allowed = `id IN (SELECT count() FROM system.one)`
  const answer = await asDefault('SELECT count() FROM readings', {
    additional_table_filters: `{'readings': '${allowed}'}`,
  })
  t.equal(answer.text, '1\n')
})

import t from 'tap'
import { addLogins, openEngine } from '../../test/engine.ts'
import type { Format } from '../formats.ts'
import { importAccounts } from '../import.ts'
import { accountNamed, listAccounts } from '../list.ts'
import { deleteStrangers } from '../strangers.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const now = new Date('2024-06-12T12:00:00.000Z')

/** The text in chunks of any length, as a stream delivers it. */
async function* pieces(text: string, size = 7): AsyncGenerator<string> {
  for (let from = 0; from < text.length; from += size) yield await Promise.resolve(text.slice(from, from + size))
}

const load = (text: string, format: Format = 'csv') => importAccounts(store, pieces(text), format, undefined, now)
const empty = () => store.command('TRUNCATE TABLE gatepost.accounts')
const account = (username: string, contact: string | null, sponsor: string | null, created: string, last?: string) => ({
  username,
  contact,
  sponsor,
  created_at: created,
  last_login: last ?? null,
})

t.test('CSV, with columns that are ignored', async (t) => {
  await empty()
  const result = await load(
    'username,password,contact,sponsor,created_at\r\nABCDEF,geheim,+491,"+491",2024-01-02 03:04:05\r\n' +
      'BCDEFG,x,"a ""b""\n@example.org",,2024-01-03T00:00:00.5+01:00\r\n',
  )
  t.same(result, { imported: 2, added: 2, ignored: ['password'] })
  t.same(await listAccounts(store, 10), [
    account('BCDEFG', 'a "b"\n@example.org', null, '2024-01-02 23:00:00.500'),
    account('ABCDEF', '+491', '+491', '2024-01-02 03:04:05.000'),
  ])
  const [{ statement }] = await store.query<{ statement: string }>(
    "SELECT create_table_query AS statement FROM system.tables WHERE database = 'gatepost' AND name = 'accounts'",
  )
  t.match(statement, /ReplacingMergeTree\(updated_at\).*fsync_after_insert = 1/)
})

t.test('JSON lines and the output of mysql', async (t) => {
  await empty()
  await load(
    '{"username":"A","created_at":"2024-01-01","contact":"\u{1f600}"}\n\n{"username":"B","created_at":"2024-01-02 00:00Z"}',
    'jsonl',
  )
  t.same(await accountNamed(store, 'a'), account('A', '\u{1f600}', null, '2024-01-01 00:00:00.000'))
  await load(
    'username\tcontact\tcreated_at\tlast_login\nC\ta\\tb\\\\n"\t2024-01-01 00:00:00\tNULL\nD\tNULL\t2024-01-01 00:00:00\t0000-00-00 00:00:00\n',
    'mysql',
  )
  await load('username,contact,created_at\nE,\\N,2024-01-01\n', 'mysql')
  t.same(await accountNamed(store, 'C'), account('C', 'a\tb\\n"', null, '2024-01-01 00:00:00.000'))
  t.same(await accountNamed(store, 'D'), account('D', null, null, '2024-01-01 00:00:00.000'))
  t.same(await accountNamed(store, 'E'), account('E', null, null, '2024-01-01 00:00:00.000'))
})

t.test('an existing account is replaced; columns that the file lacks keep their values', async (t) => {
  await empty()
  await load('username,contact,sponsor,created_at,last_login\nA,c1,s1,2024-01-01,2024-02-01\nB,c2,s2,2024-01-01,\n')
  t.same(await load('username,contact,created_at\nA,,2024-01-05\nC,c3,2024-01-01\n'), {
    imported: 2,
    added: 1,
    ignored: [],
  })
  t.same(await accountNamed(store, 'A'), account('A', null, 's1', '2024-01-05 00:00:00.000', '2024-02-01 00:00:00.000'))
  t.same(await accountNamed(store, 'B'), account('B', 'c2', 's2', '2024-01-01 00:00:00.000'))
  t.equal((await listAccounts(store, 10)).length, 3)
})

t.test('wrong files change nothing and name their lines', async (t) => {
  await empty()
  await load('username,contact,created_at\nOLD,c,2024-01-01\n')
  const head = 'username,contact,created_at\nGOOD,c,2024-01-01\n'
  const cases: [string, RegExp, Format?][] = [
    [
      `${head}A,c,2023-02-30\nB,c,2024-01-01\nC,c,\n`,
      /^line 3: created_at "2023-02-30" is not a time.*\nline 5: .*missing/,
    ],
    [`${head}A,c,2024-13-01\n`, /line 3: created_at/],
    [`${head}A,c,2024-01-01 25:00:00\n`, /line 3: created_at/],
    [`${head}A,c,2024-06-14\n`, /line 3: created_at "2024-06-14" is in the future/],
    [`${head}A,c,0000-00-00 00:00:00\n`, /line 3: created_at/],
    [`${head}A,c,1899-12-31\n`, /line 3: created_at/],
    [`${head} ,c,2024-01-01\n`, /line 3: username/],
    [`${head}A,c\n`, /not csv: .*line 3/i],
    [`${head}A,"c,2024-01-01\n`, /not csv: .*line 3/i],
    [`${head}A,c,2024-01-01`, /last line has no line break/],
    [`${head}A,c,2024-01-01\nB,d,2024-01-01\nA,d,2024-01-01\n`, /^lines 3, 5: A is there with other values$/],
    ['username,contact\nA,c\n', /first line does not name the column created_at/],
    ['username,created_at,username\nA,2024-01-01,B\n', /names username twice/],
    ['username,created_at\n', /no account in it/],
    ['', /no account in it/],
    ['{"username":"A","created_at":"2024-01-01"}\n{"username":"B","crea', /^line 2: not a JSON object/, 'jsonl'],
    ['[1]\n{"username":5,"created_at":"2024-01-01"}\n', /^line 1: not a JSON object.*\nline 2: username 5/, 'jsonl'],
    ['{"username":"A","created_at":1704067200}\n', /^line 1: created_at 1704067200/, 'jsonl'],
    [`${'x'.repeat(1024 * 1024 + 1)}`, /line 1: longer than/, 'jsonl'],
    [head + 'A,c,x\n'.repeat(25_000), /line 12: .*\nand 24990 more$/],
  ]
  for (const [text, message, format] of cases) {
    await t.rejects(importAccounts(store, pieces(text, 4096), format ?? 'csv', undefined, now), {
      code: 'INPUT_INVALID',
      message,
    })
  }
  t.same(
    (await listAccounts(store, 10)).map(({ username }) => username),
    ['OLD'],
  )
})

t.test('the same line twice is one account', async (t) => {
  await empty()
  t.match(await load('username,created_at\nA,2024-01-01\nA,2024-01-01\n'), { imported: 1, added: 1 })
})

t.test('two imports at once: the accounts of both are stored', async (t) => {
  await empty()
  const file = (from: number) =>
    `username,created_at\n${Array.from({ length: 12_000 }, (_, i) => `U${from + i},2024-01-01`).join('\n')}\n`
  await Promise.all([load(file(0)), load(file(10_000))])
  const [{ accounts }] = await store.query<{ accounts: string }>(
    'SELECT count() AS accounts FROM gatepost.accounts FINAL',
  )
  t.equal(Number(accounts), 22_000)
})

t.test('an import that fails leaves the old accounts unchanged, and no temporary table', async (t) => {
  await empty()
  await load('username,created_at\nOLD,2024-01-01\n')
  for (const broken of ['INSERT', 'EXCHANGE']) {
    const failing = {
      query: store.query.bind(store),
      command: (sql: string) => (sql.startsWith(broken) ? Promise.reject(new Error('broken')) : store.command(sql)),
    }
    await t.rejects(importAccounts(failing, pieces('username,created_at\nA,2024-01-01\n'), 'csv'), {
      message: 'broken',
    })
  }
  t.same(
    (await listAccounts(store, 10)).map(({ username }) => username),
    ['OLD'],
  )
  t.same(await store.query("SELECT name FROM system.tables WHERE name LIKE 'accounts_import_%'"), [])
})

t.test('the latest login is the imported or the latest reported one, whichever is later', async (t) => {
  await empty()
  await load(
    'username,created_at,last_login\nabcdef,2024-01-01,\nBCDEFG,2024-01-01,2024-05-01\nCDEFGH,2024-01-01,\nABCDEFG,2024-01-01,\n',
  )
  await addLogins(store, [
    { at: '2024-04-02T00:00:00.000Z', user: 'ABCDEF' },
    { at: '2024-04-01T00:00:00.000Z', user: 'ABCDEF' },
    { at: '2024-04-03T00:00:00.000Z', user: 'ABCDEF', success: 0 },
    { at: '2024-04-01T00:00:00.000Z', user: 'BCDEFG' },
  ])
  // A late record, and one that came before it.
  await addLogins(store, [{ at: '2024-03-01T00:00:00.000Z', user: 'ABCDEF' }])
  await addLogins(store, [{ at: '2024-04-02T00:00:00.000Z', user: 'ABCDEF' }])
  const expected: [string, string | undefined][] = [
    ['ABCDEFG', undefined],
    ['BCDEFG', '2024-05-01 00:00:00.000'],
    ['CDEFGH', undefined],
    ['abcdef', '2024-04-02 00:00:00.000'],
  ]
  for (const [name, last] of expected) {
    const wanted = account(name, null, null, '2024-01-01 00:00:00.000', last)
    t.same(await accountNamed(store, name), wanted)
    t.same(
      (await listAccounts(store, 10)).find(({ username }) => username === name),
      wanted,
    )
  }
  // The raw rows expire; the latest logins derived from them stay.
  await store.command('TRUNCATE TABLE gatepost.post_auth')
  t.match(await accountNamed(store, 'ABCDEF'), { last_login: '2024-04-02 00:00:00.000' })
  t.equal(await accountNamed(store, 'nobody'), null)
})

t.test('logins at the portal count for accounts once their address is confirmed', async (t) => {
  await empty()
  await load('username,created_at\nalice@example.org,2024-01-01\nbob@example.org,2024-01-01\n1234,2024-01-01\n')
  await store.command(
    `INSERT INTO gatepost.portal_sessions (received_at, issued, account, method, confirm_by) VALUES
     ('2024-03-01 00:00:01', '2024-03-01 00:00:00', 'Alice@example.org', 'account', NULL),
     ('2024-03-02 00:00:01', '2024-03-02 00:00:00', 'bob@example.org', 'account', '2024-03-02 00:20:00'),
     ('2024-03-02 00:00:01', '2024-03-02 00:00:00', '1234', 'voucher', NULL)`,
  )
  const logins = (await listAccounts(store, 10)).map(({ username, last_login }) => [username, last_login])
  t.same(logins, [
    ['1234', null],
    ['alice@example.org', '2024-03-01 00:00:00.000'],
    ['bob@example.org', null],
  ])
})

t.test('latest logins without an account expire with their raw rows; those of accounts stay', async (t) => {
  await empty()
  await store.command('TRUNCATE TABLE gatepost.account_logins')
  await load('username,created_at\nabcdef,2024-01-01\n')
  await addLogins(store, [
    { at: '2024-04-01T00:00:00.000Z', user: 'ABCDEF' },
    { at: '2024-04-01T00:00:00.000Z', user: 'STRANG' },
    { at: '2024-06-01T00:00:00.000Z', user: 'RECENT' },
  ])
  await deleteStrangers(store, 32, now)
  t.same(await store.query('SELECT name FROM gatepost.account_logins ORDER BY name'), [
    { name: 'ABCDEF' },
    { name: 'RECENT' },
  ])
})

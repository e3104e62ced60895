import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../../../common/package-root.ts'
import { createLogger } from '../../../common/logger.ts'
import { openEmbeddedStore } from '../../embedded/open.ts'
import { viewsOf } from '../../exactly-once/views.ts'
import { insertMissing } from '../../exactly-once/statement.ts'
import { loadMigrations } from '../../migrations.ts'
import { makeBatch, repeated } from '../../../schemas/test/records.ts'
import { clusterForm, commandForm, localForm } from '../cluster.ts'

const logger = createLogger('store-test')
logger.level = 'silent'
const forms = loadMigrations().flatMap(({ statements }) =>
  statements.flatMap((statement) => clusterForm(statement, 'fleet')),
)
/** Every migration in the form for a cluster. GATEPOST_WRITE_GOLDEN=1 makes this test add new migrations to it. */
const GOLDEN = packageFile('store/server/test/cluster.golden.sql')

t.test("the engine's parser accepts every statement", async (t) => {
  const store = await openEmbeddedStore({ path: t.testdir() + '/store', logger })
  t.teardown(() => store.close())
  for (const form of forms) {
    const [row] = await store.query<{ text: string }>('SELECT formatQuerySingleLine({form:String}) AS text', { form })
    // A migration computes its inserts from this node's rows, because the aggregator inserts all rows there.
    t.match(
      row.text,
      / ON CLUSTER fleet |^INSERT INTO gatepost\.\w+_local .* FROM gatepost\.\w+_local\b/,
      row.text.slice(0, 80),
    )
  }
})

t.test('statements that write', (t) => {
  const written = `${forms.join('\n\n-- statement\n')}\n`
  if (process.env['GATEPOST_WRITE_GOLDEN'] !== undefined) writeFileSync(GOLDEN, written)
  t.equal(written, readFileSync(GOLDEN, 'utf8'))
  t.end()
})

t.test('statements that alter: indexes of the local tables, columns of both', (t) => {
  const index = 'ADD INDEX IF NOT EXISTS by_hour hour TYPE minmax GRANULARITY 1024'
  t.same(clusterForm(`-- Why.\nALTER TABLE gatepost.session_hours ${index}`, 'fleet'), [
    `-- Why.\nALTER TABLE gatepost.session_hours_local ON CLUSTER 'fleet' ${index}`,
  ])
  const column = `ADD COLUMN IF NOT EXISTS hour UInt8`
  t.same(clusterForm(`ALTER TABLE gatepost.metrics\n    ${column}`, 'fleet'), [
    `ALTER TABLE gatepost.metrics_local ON CLUSTER 'fleet'\n    ${column}`,
    `ALTER TABLE gatepost.metrics ON CLUSTER 'fleet'\n    ${column}`,
  ])
  t.end()
})

t.test('inserts and look-ups use the local tables', async (t) => {
  const batch = makeBatch('post_auth', Date.now(), repeated(1))
  const ownership = { stream: 'post_auth', partition: 'gatepost.post_auth', epoch: 1, owner: 'x' } as const
  const sql = localForm(insertMissing('post_auth', [batch], "input('')", [ownership]))
  t.same(sql.match(/ gatepost\.\w+/g), [' gatepost.post_auth_local', ' gatepost.post_auth_local', ' gatepost.partition_claims_local']) // prettier-ignore
  t.match(sql, "'gatepost.post_auth'", 'names in literals stay')
  const select = forms.find((form) => form.includes('gateway_latest_view'))?.split('\nAS ')[1]
  const rows = [{ name: 'v', statement: 'CREATE x TO gatepost.gateway_latest_local (', select, columns: [] }]
  const found = await viewsOf(
    { rows: <T>() => Promise.resolve(rows as T[]), run: () => Promise.resolve() },
    'gateway_pings',
  )
  t.equal(found.length, 1, 'views of a local table are found')
  t.equal(found[0].target, 'gatepost.gateway_latest_local')
})

t.test('mutations run on the tables of every node', (t) => {
  t.same(
    commandForm(
      'ALTER TABLE gatepost.post_auth DELETE WHERE mac = {value:String} SETTINGS mutations_sync = 2',
      'fleet',
    ),
    [
      "ALTER TABLE gatepost.post_auth_local ON CLUSTER 'fleet' DELETE WHERE mac = {value:String} SETTINGS mutations_sync = 2",
    ],
  )
  t.same(commandForm('ALTER TABLE gatepost.login_history DROP PARTITION {id:String}', 'fleet'), [
    "ALTER TABLE gatepost.login_history_local ON CLUSTER 'fleet' DROP PARTITION {id:String}",
  ])
  const insert = 'INSERT INTO gatepost.erased_subjects (hash) SELECT 1'
  t.same(commandForm(insert, 'fleet'), [insert], 'inserts are distributed by their sharding key')
  t.end()
})

t.test('a replacement of a table is created, exchanged and dropped on every node', async (t) => {
  const next = 'gatepost.accounts_next_ab12'
  const given = [
    `CREATE TABLE ${next} AS gatepost.accounts`,
    `EXCHANGE TABLES gatepost.accounts AND ${next}`,
    `DROP TABLE IF EXISTS ${next} SYNC`,
    `DROP TABLE IF EXISTS ${next}`,
    'DELETE FROM gatepost.account_logins\n WHERE name IN {names:Array(String)}',
  ]
  const made = given.flatMap((statement) => commandForm(statement, 'fleet'))
  t.same(made, [
    `CREATE TABLE ${next}_local ON CLUSTER 'fleet' AS gatepost.accounts_local`,
    `CREATE TABLE ${next} ON CLUSTER 'fleet' AS ${next}_local ENGINE = Distributed('fleet', 'gatepost', 'accounts_next_ab12_local', cityHash64(username))`,
    `EXCHANGE TABLES gatepost.accounts_local AND ${next}_local ON CLUSTER 'fleet'`,
    `DROP TABLE IF EXISTS ${next} ON CLUSTER 'fleet' SYNC`,
    `DROP TABLE IF EXISTS ${next}_local ON CLUSTER 'fleet' SYNC`,
    `DROP TABLE IF EXISTS ${next} ON CLUSTER 'fleet'`,
    `DROP TABLE IF EXISTS ${next}_local ON CLUSTER 'fleet'`,
    "DELETE FROM gatepost.account_logins_local ON CLUSTER 'fleet'\n WHERE name IN {names:Array(String)}",
  ])
  const store = await openEmbeddedStore({ path: t.testdir() + '/store', logger })
  t.teardown(() => store.close())
  for (const form of made) await store.query('SELECT formatQuerySingleLine({form:String}) AS text', { form })
})

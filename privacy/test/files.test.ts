import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import type { Person } from '../person.ts'
import { filesHolding } from '../../test/helpers/files-holding.ts'
import { filterOf, forgetInTables, forgetMutations, keepHashes } from '../tables.ts'

/*
 * The engine's own files, after it has removed the replaced parts. They are compressed with LZ4, which writes new text uncompressed. The
 * test finds the value of another person, and found this person's value before, which shows that a search for bytes works.
 * No value may repeat itself or another value.
 */

const KEY = 'a secret of the tests'
const PARTS_GO_MS = 150_000
const MAC = '02-4B-9D-E1-77-3C'
const USER = 'qzalice'
const OTHER = { name: 'xkbobby', mac: '7A-16-F8-53-C0-B2' }

const logger = createLogger('forget-test')
logger.level = 'silent'
const path = join(t.testdir(), 'store')
const store = await openMigratedStore({ path, logger })
t.teardown(() => store.close())

const tables = await store.query<{ name: string; uuid: string }>(
  "SELECT name, toString(uuid) AS uuid FROM system.tables WHERE database = 'gatepost' AND engine LIKE '%MergeTree'",
)
const received_at = new Date(Date.now() - 60_000).toISOString().slice(0, 23).replace('T', ' ')

async function insert(table: string, row: object): Promise<void> {
  await store.command(`INSERT INTO gatepost.${table} FORMAT JSONEachRow ${JSON.stringify(row)}`)
}

/** Tables with a file that contains a text, in any case; `other`: files that belong to no table. */
function tablesWith(text: string): string[] {
  const found = filesHolding(path, text).map(
    (file) => tables.find(({ uuid }) => file.includes(uuid))?.name ?? `other: ${file}`,
  )
  return [...new Set(found)].sort()
}

async function forget(person: Person): Promise<void> {
  const rule = 'lowercase'
  const at = await keepHashes(store, [KEY], person, rule)
  await forgetInTables(store, person, {
    rule,
    erased: filterOf([KEY], person, rule, at),
    at,
    pseudonyms: null,
    dryRun: false,
  })
  await forgetMutations(store)
}

t.test('no file of the engine contains the bytes', async (t) => {
  for (const { name } of tables)
    await store.command(`ALTER TABLE gatepost.${name} MODIFY SETTING old_parts_lifetime = 1`)
  for (const [user, mac, index] of [
    [USER, MAC, 1],
    [OTHER.name, OTHER.mac, 2],
  ] as const) {
    // Each value is in a part of its own at first, so that it repeats no earlier value.
    await insert('post_auth', { received_at, ssl_username: user, success: 1, batch_index: index })
    await insert('post_auth', { received_at, mac, success: 1, username: 'NOBODY', batch_index: 10 + index })
    await insert('gateway_auth', { received_at, stage: 'login', gw_id: 'g', mac, session_id: `s-${index}` })
    await insert('portal_sessions', {
      received_at,
      issued: received_at,
      session_id: `p-${index}`,
      gw_id: 'g',
      account: user,
    })
    await insert('accounts', { username: user, contact: `c-${index}` })
    await insert('accounts', { username: `dave-${index}`, contact: `d-${index}`, sponsor: user })
    await insert('access_decisions', { subject: `mac:${mac}`, verdict: 'deny' })
    await insert('audit_log', { at: received_at, action: 'logins_search', subject: `user=${user}` })
    await insert('dead_letters', { received_at, payload: `{"username":"${user}"}`, batch_index: index })
  }
  const started = Date.now()
  const ofUser = tablesWith(USER)
  const ofMac = tablesWith(MAC)
  for (const table of ['post_auth', 'portal_sessions', 'accounts', 'audit_log', 'dead_letters'])
    t.ok(ofUser.includes(table), `the name was in ${table}`)
  for (const table of ['post_auth', 'gateway_auth', 'access_decisions', 'login_calendar'])
    t.ok(ofMac.includes(table), `the MAC was in ${table}`)

  await forget({ kind: 'user', value: USER })
  await forget({ kind: 'mac', value: MAC })
  t.ok(tablesWith(USER).includes('post_auth'), 'at first they are in parts that were replaced')
  const deadline = Date.now() + PARTS_GO_MS
  while (Date.now() < deadline && tablesWith(USER).length + tablesWith(MAC).length > 0) await sleep(1000)
  t.comment(`after ${Date.now() - started} ms`)
  t.same(tablesWith(USER), [])
  t.same(tablesWith(MAC), [])
  t.ok(tablesWith(OTHER.name).includes('post_auth'), 'others stay')
  t.ok(tablesWith(OTHER.mac).includes('gateway_auth'))
})

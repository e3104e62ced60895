import { join } from 'node:path'
import t from 'tap'
import { filterOf, forgetInTables } from '../../privacy/tables.ts'
import { pseudonymKey } from '../../privacy/pseudonym.ts'
import { createLogger } from '../../common/logger.ts'
import { openMigratedStore } from '../helpers/migrated-store.ts'
import { commandForm, localForm } from '../../store/server/cluster.ts'
import type { QueryParams } from '../../store/contract.ts'

/*
 * The statements with which forgetting runs on a cluster. No cluster is available: the engine parses each statement, and those on the local
 * tables run on one node without ON CLUSTER.
 */

const SECRET = 'a secret of the tests'
const logger = createLogger('forget-test')
logger.level = 'silent'
const store = await openMigratedStore({ path: join(t.testdir(), 'store'), logger })
t.teardown(() => store.close())

for (const person of [
  { kind: 'user', value: "o'neil" },
  { kind: 'mac', value: '02-4B-9D-E1-77-3C' },
] as const) {
  t.test(`deletions of a ${person.kind}`, async (t) => {
    const commands: string[] = []
    const found = {
      // Every table has rows.
      query: <T>(sql: string) => {
        const rows = sql.includes(' AS n ')
          ? [{ n: 1 }]
          : sql.includes(' AS d')
            ? letters()
            : [{ serial: 's', pseudonym: 'p' }]
        if (rows.length > 0 && !sql.includes(' AS d')) reads.push(sql)
        return Promise.resolve(rows as T[])
      },
      command: (sql: string, params: QueryParams = {}) => {
        for (const form of commandForm(sql, 'fleet')) {
          t.notOk(
            Object.keys(params).some((name) => !form.includes(`{${name}:`)),
            'only its own parameters',
          )
          commands.push(form)
        }
        return Promise.resolve()
      },
    }
    const reads: string[] = []
    const letters = () => [{ ms: '1', payload: person.value, batch: '00000000-0000-0000-0000-000000000000', place: 0 }]
    const at = Date.now()
    const rule = 'lowercase'
    const erased = filterOf([SECRET], person, rule, at)
    await forgetInTables(found, person, { rule, erased, at, pseudonyms: pseudonymKey('of the history'), dryRun: false })
    t.ok(commands.length > 8)
    for (const command of commands) {
      const [{ text }] = await store.query<{ text: string }>('SELECT formatQuerySingleLine({command:String}) AS text', {
        command,
      })
      t.match(text, /^ALTER TABLE gatepost\.\w+_local ON CLUSTER fleet /, command.slice(0, 80))
      t.notMatch(text, /\bSELECT\b/, 'no other table is read, so replicas find the same rows')
      t.match(text, /mutations_sync = 2/, 'it is waited for')
    }
    for (const sql of reads)
      t.equal((sql.match(/\bgatepost\./g) ?? []).length <= 1, true, 'one Distributed table a query')
    t.ok(
      commands.every((command) => localForm(command) === command),
      'not on a Distributed table',
    )
  })
}

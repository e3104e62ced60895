import { join } from 'node:path'
import t from 'tap'
import { Connection } from '../../connection.ts'
import { Engine } from '../../engine.ts'
import { roleName } from '../../roles.ts'
import { startHarness } from '../../test/harness.ts'
import { judge, type GuardContext } from '../guard.ts'

/* What the syntax tree refuses, whatever the tokens say. */

const harness = await startHarness()
t.teardown(() => harness.close())

t.test('the name of a function is refused by the tree too, if the tokens do not show it', async (t) => {
  const engine = new Engine(join(harness.scratch, 'store'))
  t.teardown(() => engine.close())
  const facts = await engine.facts()
  const role = { role: roleName('reader'), settings: {} }
  const connection = await Connection.open(engine, role, { afterMs: 60_000, report: () => undefined })
  t.teardown(() => connection.close())
  const context: GuardContext = {
    ...facts,
    settings: { limits: new Map(), known: (name) => facts.settings.has(name), actsAsServer: false },
    mayWrite: false,
    mayFilter: false,
    hidden: null,
    audience: 'reader',
    mayKill: undefined,
    actsAsServer: false,
    temporaryTables: null,
  }
  /** @param shown what the tokens say in place of `file` */
  const judged = async (statement: string, shown: string) => {
    const { sql, tokens } = await connection.normalise(statement)
    const others = tokens.map((token) => (token.text === 'file' ? { ...token, text: shown } : token))
    return judge(sql, others, (text) => connection.printAst(text), context)
  }
  for (const statement of [
    `SELECT arrayMap(file, ['/etc/hostname'])`,
    `WITH file AS f SELECT arrayMap(f, ['/etc/hostname'])`,
    `SELECT arrayFilter(x -> x != '', arrayMap(file, ['/etc/hostname'])) FROM readings GROUP BY ALL HAVING file`,
    `SELECT 1 FROM readings WHERE id IN (SELECT arrayMap(file, ['/etc/hostname']))`,
    `SELECT file('/etc/hostname')`,
  ]) {
    for (const shown of ['file', 'trim'])
      await t.rejects(judged(statement, shown), { message: /^Function file is not available here/ }, statement)
    await judged(statement.replaceAll('file', 'trim'), 'trim')
  }
  await judged('SELECT r.file FROM readings AS r', 'file')
})

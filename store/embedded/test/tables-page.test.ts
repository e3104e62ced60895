import { readFileSync } from 'node:fs'
import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { packageFile } from '../../../common/package-root.ts'
import { openEmbeddedStore } from '../open.ts'

interface Column {
  table: string
  name: string
  type: string
  comment: string
}

/** Cells of a Markdown table, however it is padded. */
const cells = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

const page = readFileSync(packageFile('docs/tables.md'), 'utf8')

t.test('docs/tables.md says what the tables are', async (t) => {
  const logger = createLogger('tables-page-test')
  logger.level = 'silent'
  const store = await openEmbeddedStore({ path: t.testdir() + '/store', logger })
  t.teardown(() => store.close())
  await store.migrate()

  const columns = await store.query<Column>(
    `SELECT c.table AS table, c.name AS name, c.type AS type, c.comment AS comment
     FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
     WHERE c.database = 'gatepost' AND t.engine != 'MaterializedView' ORDER BY table, position`,
  )
  for (const table of new Set(columns.map((column) => column.table))) {
    const section = page.split(`\n### ${table}\n`)[1]?.split(/\n##/)[0] ?? ''
    const documented = section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map(cells)
    const actual = columns
      .filter((column) => column.table === table)
      .map(({ name, type, comment }) => [`\`${name}\``, `\`${type.replaceAll(/\s+/g, ' ')}\``, comment])
    t.same(documented, actual, table)
  }

  for (const [, sql] of page.matchAll(/```sql\n([^]*?)```/g)) {
    await t.resolves(store.query(sql), sql.split('\n')[0])
  }
})

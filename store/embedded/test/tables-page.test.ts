import t from 'tap'
import { descriptorOf, STREAMS } from '../../../schemas/streams/index.ts'
import { columnsOf, documented, openTables, readTablesPage } from './tables-page.ts'

t.test('docs/tables.md describes the tables: make generate', async (t) => {
  const store = await openTables(t.testdir())
  t.teardown(() => store.close())
  const page = readTablesPage()
  const tables = await columnsOf(store)
  for (const [table, columns] of tables) t.same(documented(page, table), columns, table)

  for (const stream of STREAMS) {
    const names = (tables.get(stream) ?? []).map(([name]) => name.slice(1, -1))
    const fields = ['received_at', 'batch_id', 'batch_index', ...descriptorOf(stream).fields.map(({ name }) => name)]
    t.same([...names].sort(), fields.sort(), `${stream} has a column for each field of its stream`)
  }

  for (const [, sql] of page.matchAll(/```sql\n([^]*?)```/g)) {
    await t.resolves(store.query(sql), sql.split('\n')[0])
  }
})

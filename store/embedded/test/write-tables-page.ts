import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { columnsOf, openTables, readTablesPage, TABLES_PAGE, withColumns } from './tables-page.ts'

/* Run by `make generate`: writes the columns in docs/tables.md. */

const directory = mkdtempSync(join(tmpdir(), 'gatepost-tables-'))
const store = await openTables(directory)
try {
  let page = readTablesPage()
  for (const [table, columns] of await columnsOf(store)) page = withColumns(page, table, columns)
  writeFileSync(TABLES_PAGE, page)
} finally {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
}

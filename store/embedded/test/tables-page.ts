import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger } from '../../../common/logger.ts'
import { packageFile } from '../../../common/package-root.ts'
import type { Store } from '../../contract.ts'
import { openEmbeddedStore } from '../open.ts'

/* docs/tables.md and the tables: each table has a section of its name with its columns, as the migrations describe them. */

export const TABLES_PAGE = packageFile('docs/tables.md')

export function readTablesPage(): string {
  return readFileSync(TABLES_PAGE, 'utf8')
}

/** An engine with the tables that the migrations create. */
export async function openTables(directory: string): Promise<Store> {
  const logger = createLogger('tables-page')
  logger.level = 'silent'
  const store = await openEmbeddedStore({ path: join(directory, 'store'), logger })
  await store.migrate()
  return store
}

/** Name, type and description of each column, by table, as cells of the page. */
export async function columnsOf(store: Store): Promise<Map<string, string[][]>> {
  const columns = await store.query<{ table: string; name: string; type: string; comment: string }>(
    `SELECT c.table AS table, c.name AS name, c.type AS type, c.comment AS comment
     FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
     WHERE c.database = 'gatepost' AND t.engine != 'MaterializedView' ORDER BY table, position`,
  )
  const byTable = new Map<string, string[][]>()
  for (const { table, name, type, comment } of columns) {
    const cells = [`\`${name}\``, `\`${type.replaceAll(/\s+/g, ' ')}\``, comment]
    byTable.set(table, [...(byTable.get(table) ?? []), cells])
  }
  return byTable
}

/** The cells of a section's table, however they are padded. */
export function documented(page: string, table: string): string[][] {
  const section = page.split(`\n### ${table}\n`)[1]?.split(/\n##/)[0] ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

/** The page with the columns of one section replaced. */
export function withColumns(page: string, table: string, columns: readonly (readonly string[])[]): string {
  const begins = page.indexOf(`\n### ${table}\n`)
  if (begins < 0) throw new Error(`docs/tables.md has no section ${table}: write one, and what the table is for`)
  const rows = columns.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
  const header = '| column | type | |\n| --- | --- | --- |\n'
  const from = page.indexOf(header, begins)
  const end = /\n(?!\|)/.exec(page.slice(from))
  if (from < 0 || end === null) throw new Error(`section ${table} of docs/tables.md has no table of columns`)
  return page.slice(0, from) + header + rows + page.slice(from + end.index + 1)
}

import { randomBytes } from 'node:crypto'
import { GatepostError } from '../../common/errors.ts'
import { insertRows, type TableStore } from '../../store/table-store.ts'
import { checkAccount, type AccountRow, type Column } from './account.ts'
import { recordsOf, type FileColumns, type Format } from './formats.ts'

/*
 * Accounts come in files of millions of lines. They are checked one by one and written to a table of their own; only when the file is
 * read to its end, and nothing was wrong in it, a new table of all accounts is made beside the present one, and the two are exchanged:
 * one step, which readers see whole or not at all. An INSERT of millions of rows into the table itself would be many parts, of which
 * readers, and a crash, could see some.
 */

const TABLE = 'gatepost.accounts'
const STAGE_PREFIX = 'accounts_import_'
const CHUNK = 10_000
const PROBLEMS_SHOWN = 10

export interface ImportResult {
  /** Accounts of the file. */
  readonly imported: number
  /** Of these, accounts that were not there before. */
  readonly added: number
  /** Columns of the file that were not taken. */
  readonly ignored: readonly string[]
}

/**
 * Adds the accounts of a file, and replaces those that are there under the same username. What the file has no column for
 * stays as it was.
 * @param pieces the file's text
 * @param checked told after every some thousand lines how many were read
 * @throws GatepostError INPUT_INVALID naming the lines that are wrong; nothing is changed then
 */
export async function importAccounts(
  store: TableStore,
  pieces: AsyncIterable<string>,
  format: Format,
  checked: (lines: number) => void = () => {},
  now = new Date(),
): Promise<ImportResult> {
  await dropAbandonedStages(store)
  const stage = `gatepost.${STAGE_PREFIX}${randomBytes(6).toString('hex')}`
  const unique = `${stage}_unique`
  const next = `${stage}_next`
  const columns: FileColumns = { present: new Set(), ignored: new Set() }
  await store.command(
    `CREATE TABLE ${stage} (line UInt64, username String, contact Nullable(String), sponsor Nullable(String),
       created_at DateTime64(3, 'UTC'), last_login Nullable(DateTime64(3, 'UTC'))) ENGINE = MergeTree ORDER BY username`,
  )
  try {
    await fill(store, stage, recordsOf(pieces, format, columns), checked, now)
    const imported = await requireUnique(store, stage, unique)
    if (imported === 0) throw new GatepostError('INPUT_INVALID', 'there is no account in it')
    const added = await exchange(store, stage, next, columns.present)
    return { imported, added, ignored: [...columns.ignored].sort() }
  } finally {
    for (const table of [stage, unique, next]) await store.command(`DROP TABLE IF EXISTS ${table} SYNC`)
  }
}

async function fill(
  store: TableStore,
  stage: string,
  records: ReturnType<typeof recordsOf>,
  checked: (lines: number) => void,
  now: Date,
): Promise<void> {
  const problems: string[] = []
  let wrong = 0
  let rows: AccountRow[] = []
  for await (const { line, values, problem } of records) {
    const row = problem ?? checkAccount(values, line, now)
    if (typeof row === 'string') {
      wrong++
      if (problems.length < PROBLEMS_SHOWN) problems.push(`line ${line}: ${row}`)
    } else if (wrong === 0) rows.push(row)
    if (line % CHUNK === 0) checked(line)
    if (rows.length >= CHUNK) {
      await insertRows(store, stage, rows)
      rows = []
    }
  }
  if (wrong > problems.length) problems.push(`and ${wrong - problems.length} more`)
  if (wrong > 0) throw new GatepostError('INPUT_INVALID', problems.join('\n'))
  await insertRows(store, stage, rows)
}

/**
 * Writes each account of the file once to `unique`, in one pass over what is sorted by username.
 * The same line twice is one account; two that differ would leave it to chance which counts.
 */
async function requireUnique(store: TableStore, stage: string, unique: string): Promise<number> {
  await store.command(
    `CREATE TABLE ${unique} (username String, lines Array(UInt64), differ UInt8) ENGINE = MergeTree ORDER BY username`,
  )
  await store.command(
    `INSERT INTO ${unique}
     SELECT username, arraySort(groupArray(3)(line)),
       min(toString((contact, sponsor, created_at, last_login))) != max(toString((contact, sponsor, created_at, last_login)))
     FROM ${stage} GROUP BY username SETTINGS optimize_aggregation_in_order = 1`,
  )
  const twice = await store.query<{ username: string; lines: string[] }>(
    `SELECT username, lines FROM ${unique} WHERE differ = 1 ORDER BY lines LIMIT ${PROBLEMS_SHOWN}`,
  )
  if (twice.length > 0) {
    const problems = twice.map(
      ({ username, lines }) => `lines ${lines.join(', ')}: ${username} is there with other values`,
    )
    throw new GatepostError('INPUT_INVALID', problems.join('\n'))
  }
  return countOf(store, unique)
}

async function countOf(store: TableStore, table: string): Promise<number> {
  const [{ rows }] = await store.query<{ rows: string }>(`SELECT count() AS rows FROM ${table}`)
  return Number(rows)
}

const NAMES = 'username, contact, sponsor, created_at, last_login, updated_at'

/** @returns how many accounts are new */
async function exchange(store: TableStore, stage: string, next: string, present: ReadonlySet<Column>): Promise<number> {
  const value = (column: Column) => (present.has(column) ? `imported.${column}` : `old.${column}`)
  const [{ begun }] = await store.query<{ begun: string }>("SELECT toString(now64(3, 'UTC')) AS begun")
  await store.command(`CREATE TABLE ${next} AS ${TABLE}`)
  await store.command(`INSERT INTO ${next} (${NAMES}) SELECT ${NAMES} FROM ${TABLE} FINAL`)
  const before = await countOf(store, next)
  // Both sides are sorted by username: merged, not held in memory. A line that is there twice gives two rows of one key.
  await store.command(
    `INSERT INTO ${next} (${NAMES})
     SELECT imported.username, ${value('contact')}, ${value('sponsor')}, imported.created_at, ${value('last_login')}, now64(3, 'UTC')
     FROM ${stage} AS imported
     LEFT JOIN (SELECT username, contact, sponsor, last_login FROM ${TABLE} FINAL) AS old ON old.username = imported.username
     SETTINGS join_algorithm = 'full_sorting_merge'`,
  )
  const added = (await countOf(store, `${next} FINAL`)) - before
  await store.command(`EXCHANGE TABLES ${TABLE} AND ${next}`)
  // What somebody else (another import) wrote into the present table since it was copied: of one account the newest row counts.
  await store.command(
    `INSERT INTO ${TABLE} (${NAMES}) SELECT ${NAMES} FROM ${next} WHERE updated_at >= {begun:DateTime64(3, 'UTC')}`,
    { begun },
  )
  return added
}

/** What imports left that were killed. Those of the last day may be running. */
async function dropAbandonedStages(store: TableStore): Promise<void> {
  const stages = await store.query<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = 'gatepost' AND startsWith(name, '${STAGE_PREFIX}')
       AND metadata_modification_time < now() - INTERVAL 1 DAY`,
  )
  for (const { name } of stages) await store.command(`DROP TABLE IF EXISTS gatepost.${name} SYNC`)
}

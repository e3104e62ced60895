import { randomBytes } from 'node:crypto'
import { GatepostError } from '../../common/errors.ts'
import { insertRows, type TableStore } from '../../store/table-store.ts'
import { checkAccount, type AccountRow, type Column } from './account.ts'
import { recordsOf, type FileColumns, type Format } from './formats.ts'

/*
 * Account files may have millions of lines. The accounts are checked one by one and written to a separate table. Only when the whole file
 * has been read and nothing was wrong, a new table with all accounts is built beside the current one, and the two are exchanged in one
 * atomic step.
 * Inserting millions of rows into the table itself would create many parts, of which readers, and a crash, could see some.
 */

const TABLE = 'gatepost.accounts'
const STAGE_PREFIX = 'accounts_import_'
const CHUNK = 10_000
const PROBLEMS_SHOWN = 10

export interface ImportResult {
  /** Accounts of the file. */
  readonly imported: number
  /** Of these, new accounts. */
  readonly added: number
  /** Columns of the file that were not read. */
  readonly ignored: readonly string[]
}

/**
 * Adds the accounts of a file, and replaces existing ones with the same username. Values for which the file has no column are kept.
 * @param pieces the file's text
 * @param checked called after every few thousand lines with the number of lines read
 * @throws GatepostError INPUT_INVALID naming the wrong lines; nothing has changed then
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
 * Writes each account of the file once to `unique`, in one pass over the table sorted by username. Identical lines count as one account;
 * lines that differ are an error, since either could be right.
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

/** @returns the number of new accounts */
async function exchange(store: TableStore, stage: string, next: string, present: ReadonlySet<Column>): Promise<number> {
  const value = (column: Column) => (present.has(column) ? `imported.${column}` : `old.${column}`)
  const [{ begun }] = await store.query<{ begun: string }>("SELECT toString(now64(3, 'UTC')) AS begun")
  await store.command(`CREATE TABLE ${next} AS ${TABLE}`)
  await store.command(`INSERT INTO ${next} (${NAMES}) SELECT ${NAMES} FROM ${TABLE} FINAL`)
  const before = await countOf(store, next)
  // Both sides are sorted by username, so they are merged without holding them in memory. Duplicate lines give two rows with the same
  // key.
  await store.command(
    `INSERT INTO ${next} (${NAMES})
     SELECT imported.username, ${value('contact')}, ${value('sponsor')}, imported.created_at, ${value('last_login')}, now64(3, 'UTC')
     FROM ${stage} AS imported
     LEFT JOIN (SELECT username, contact, sponsor, last_login FROM ${TABLE} FINAL) AS old ON old.username = imported.username
     SETTINGS join_algorithm = 'full_sorting_merge'`,
  )
  const added = (await countOf(store, `${next} FINAL`)) - before
  await store.command(`EXCHANGE TABLES ${TABLE} AND ${next}`)
  // Copies what another import wrote to the current table meanwhile: the newest row of an account wins.
  await store.command(
    `INSERT INTO ${TABLE} (${NAMES}) SELECT ${NAMES} FROM ${next} WHERE updated_at >= {begun:DateTime64(3, 'UTC')}`,
    { begun },
  )
  return added
}

/** Drops tables of imports that were killed. Those of the last day may still be in use. */
async function dropAbandonedStages(store: TableStore): Promise<void> {
  const stages = await store.query<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = 'gatepost' AND startsWith(name, '${STAGE_PREFIX}')
       AND metadata_modification_time < now() - INTERVAL 1 DAY`,
  )
  for (const { name } of stages) await store.command(`DROP TABLE IF EXISTS gatepost.${name} SYNC`)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../../common/errors.ts'
import type { Store } from '../contract.ts'
import { DATABASE, quoted } from '../sql.ts'
import type { EngineConnection, EngineSettings } from './connection.ts'

/** A place that the engine writes a backup to or reads it from, as SQL. */
export type BackupPlace = string

/** @param path absolute */
export function directoryPlace(path: string): BackupPlace {
  return `File(${quoted(path)})`
}

export interface TablesBackup {
  /** Rows in the parts of each table. */
  readonly rows: Readonly<Record<string, number>>
  /** How long nothing was inserted, in ms. */
  readonly heldMs: number
}

export interface TablesToBackUp {
  readonly to: BackupPlace
  /** An earlier backup: what it holds is not written again. Null: none. */
  readonly base: BackupPlace | null
  /** Runs once the engine has chosen what belongs to the backup, and before anything else is inserted. */
  readonly whileHeld: () => Promise<void>
  readonly stopped: () => boolean
}

/** A store that backs up its own tables. */
export interface EmbeddedStore extends Store {
  /**
   * Backs up all tables as they were at one moment between two statements, which is what a killed process would leave. Inserts wait until
   * the engine has chosen the parts of each table; queries do not.
   * @throws GatepostError STORE_REFUSED: the engine could not write or read a place; STORE_UNAVAILABLE: stopped
   */
  backUp(what: TablesToBackUp): Promise<TablesBackup>
}

/** A copy takes as long as it takes. */
export const BACKUP_SETTINGS: EngineSettings = { max_execution_time: 0 }

const POLL_MS = 20
const COPY_POLL_MS = 200

interface Progress {
  readonly status: string
  /** Above 0 once the engine has chosen all parts. */
  readonly files: number
  readonly error: string
}

/** PRECONDITION: nothing is inserted until `chosen` resolves. */
export class RunningBackup {
  readonly #sql: EngineConnection
  readonly #id: string
  readonly #stopped: () => boolean

  private constructor(sql: EngineConnection, id: string, stopped: () => boolean) {
    this.#sql = sql
    this.#id = id
    this.#stopped = stopped
  }

  /** @param id distinguishes it from the process's other backups */
  static async start(sql: EngineConnection, id: string, { to, base, stopped }: TablesToBackUp): Promise<RunningBackup> {
    const settings = [`id = ${quoted(id)}`, ...(base === null ? [] : [`base_backup = ${base}`])]
    await sql.run(`BACKUP DATABASE ${DATABASE} TO ${to} SETTINGS ${settings.join(', ')} ASYNC`)
    return new RunningBackup(sql, id, stopped)
  }

  /** Resolves when the engine holds every part that belongs to the backup; what is inserted afterwards does not. */
  async chosen(): Promise<void> {
    for (;;) {
      const { files, status } = await this.#look()
      if (files > 0 || status === 'BACKUP_CREATED') return
      await sleep(POLL_MS)
    }
  }

  async written(): Promise<void> {
    while ((await this.#look()).status !== 'BACKUP_CREATED') await sleep(COPY_POLL_MS)
  }

  async #look(): Promise<Progress> {
    const [progress] = await this.#sql.rows<Progress>(
      `SELECT toString(status) AS status, toUInt32(num_files) AS files, error FROM system.backups WHERE id = ${quoted(this.#id)}`,
    )
    if (progress === undefined) throw new GatepostError('STORE_UNAVAILABLE', 'the engine does not know its backup')
    if (progress.status === 'BACKUP_CREATED') return progress
    if (progress.status !== 'CREATING_BACKUP') {
      throw new GatepostError('STORE_REFUSED', `the engine could not back up the tables: ${firstLine(progress.error)}`)
    }
    if (this.#stopped()) throw new GatepostError('STORE_UNAVAILABLE', 'the process stops; the backup is given up')
    return progress
  }
}

/** Rows in the active parts of each table. PRECONDITION: no inserts, and no merges, which change parts. */
export async function rowsInParts(sql: Pick<EngineConnection, 'rows'>): Promise<Record<string, number>> {
  const tables = await sql.rows<{ table: string; rows: number }>(
    `SELECT name AS table, toUInt64(sumIf(p.rows, p.active)) AS rows
    FROM system.tables AS t LEFT JOIN system.parts AS p ON p.database = t.database AND p.table = t.name
    WHERE t.database = '${DATABASE}' AND t.engine LIKE '%MergeTree' GROUP BY name ORDER BY name`,
  )
  return Object.fromEntries(tables.map(({ table, rows }) => [table, Number(rows)]))
}

function firstLine(error: string): string {
  return error.split(/,? Stack trace/)[0]?.split('\n')[0] ?? ''
}

import { Session } from 'chdb'
import { FunctionList } from './guard/functions.ts'
import { takingRole } from '../store/embedded/access-control.ts'
import { DATABASE } from './options.ts'

/** Facts about the engine, queried once. */
export interface EngineFacts {
  readonly version: string
  readonly timezone: string
  readonly functions: FunctionList
  readonly settings: ReadonlySet<string>
  readonly foreignDatabases: ReadonlySet<string>
  /** Tables of database gatepost (`t`), and their columns (`t.c`), when the endpoint started. */
  readonly places: ReadonlySet<string>
  /** Of those, columns that are always computed (ALIAS, MATERIALIZED), and from what. */
  readonly computed: ReadonlyMap<string, string>
}

export interface Progress {
  readonly readRows: number
  readonly readBytes: number
  /** Of the tables that it reads. */
  readonly totalRows: number
}

/** Keeps the engine open between requests: it closes with its last connection, and opening it again is slow. */
export class Engine {
  readonly #ownSession: Session
  readonly dataPath: string

  constructor(dataPath: string) {
    this.dataPath = dataPath
    this.#ownSession = new Session(dataPath)
  }

  async facts(): Promise<EngineFacts> {
    const rows = async <T>(sql: string): Promise<T[]> => {
      const result = await this.#ownSession.queryAsync(sql, { format: 'JSONCompact' })
      return result.json<{ data: T[] }>().data
    }
    const [identity] = await rows<[string, string]>('SELECT version(), timezone()')
    const known = await rows<[string, string]>('SELECT lower(name), alias_to FROM system.functions')
    const tableFunctions = await rows<[string]>('SELECT lower(name) FROM system.table_functions')
    const settings = await rows<[string]>('SELECT name FROM system.settings')
    const databases = await rows<[string]>('SELECT name FROM system.databases')
    const tables = await rows<[string]>(`SELECT name FROM system.tables WHERE database = '${DATABASE}'`)
    const columns = await rows<[string]>(
      `SELECT concat(table, '.', name) FROM system.columns WHERE database = '${DATABASE}'`,
    )
    const computed = await rows<[string, string]>(
      `SELECT concat(table, '.', name), default_expression FROM system.columns
       WHERE database = '${DATABASE}' AND default_kind IN ('ALIAS', 'MATERIALIZED')`,
    )
    const foreign = databases.map(([name]) => name).filter((name) => name !== DATABASE)
    return {
      version: identity?.[0] ?? '',
      timezone: identity?.[1] ?? 'UTC',
      functions: new FunctionList(new Map(known), new Set(tableFunctions.map(([name]) => name))),
      settings: new Set(settings.map(([name]) => name)),
      places: new Set([...tables, ...columns].map(([name]) => name)),
      computed: new Map(computed),
      foreignDatabases: new Set([...foreign, 'system', 'information_schema', 'INFORMATION_SCHEMA', 'default']),
    }
  }

  /** @throws Error: the engine was opened without this role, so it would refuse nothing */
  async requireRole(role: string): Promise<void> {
    const session = new Session(this.dataPath)
    try {
      for (const statement of takingRole(role)) await session.queryAsync(statement)
    } catch (error) {
      throw new Error(`the engine was opened without the role ${role}`, { cause: error })
    } finally {
      session.close()
    }
  }

  /** Tells the queries to end: most do within some milliseconds. @param condition on system.processes */
  async kill(condition: string): Promise<void> {
    const session = new Session(this.dataPath)
    try {
      // Without SYNC: MEASURED, with it this engine waits for ever.
      await session.queryAsync(`KILL QUERY WHERE ${condition} ASYNC`)
    } finally {
      session.close()
    }
  }

  /** How far a query is. Null: it does not run. @param condition on system.processes */
  async progress(condition: string): Promise<Progress | null> {
    const session = new Session(this.dataPath)
    try {
      const sql = `SELECT read_rows, read_bytes, total_rows_approx FROM system.processes WHERE ${condition} LIMIT 1`
      const text = (await session.queryAsync(sql, { format: 'TSV' })).text()
      if (text === '') return null
      const [readRows = 0, readBytes = 0, totalRows = 0] = text.split('\t').map(Number)
      return { readRows, readBytes, totalRows }
    } finally {
      session.close()
    }
  }

  close(): void {
    this.#ownSession.close()
  }
}

import { Session, type ChdbResult, type StreamChunk } from 'chdb'
import { FunctionList } from './guard/functions.ts'
import { takingRole } from '../store/embedded/access-control.ts'
import { DATABASE, TEMPORARY_TABLES } from './options.ts'
import { literal, tokensOf, type Token } from './guard/tokens.ts'

/** Facts about the engine, queried once. */
export interface EngineFacts {
  readonly version: string
  readonly timezone: string
  readonly functions: FunctionList
  readonly settings: ReadonlySet<string>
  readonly foreignDatabases: ReadonlySet<string>
  /** Tables of database gatepost (`t`), and their columns (`t.c`), when the endpoint started. */
  readonly places: ReadonlySet<string>
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
    const foreign = databases.map(([name]) => name).filter((name) => name !== DATABASE)
    return {
      version: identity?.[0] ?? '',
      timezone: identity?.[1] ?? 'UTC',
      functions: new FunctionList(new Map(known), new Set(tableFunctions.map(([name]) => name))),
      settings: new Set(settings.map(([name]) => name)),
      places: new Set([...tables, ...columns].map(([name]) => name)),
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

/** One line per token: begin, end, kind. */
const TOKENS = `arrayStringConcat(arrayMap(t -> concat(toString(t.1), ' ', toString(t.2), ' ', toString(t.3)), tokenizeQuery(text)), '\\n')`

/** Settings of every statement, overridden by those of the request. */
const ALWAYS = {
  // clickhouse-local's dialect accepts `x` for `SELECT x`.
  implicit_select: '0',
  allow_introspection_functions: '0',
  // The data must be in the table when the answer is sent.
  async_insert: '0',
}

/** What is done when the engine works on one step for too long, although it was told to stop. */
export interface Overdue {
  readonly afterMs: number
  readonly report: () => void
}

/** What a connection is for the next statement. */
export interface Preparation {
  /** The engine refuses what this role was not granted. */
  readonly role: string
  /** Whether the connection may have temporary tables. Default false. */
  readonly temporaryTables?: boolean
  readonly settings: Readonly<Record<string, string | number>>
}

/**
 * Settings, parameters, temporary tables and the current database stick to a connection of the engine, so a connection belongs to one request
 * or to one session of a user. MEASURED: opening one and preparing it take 0.7 ms together (2 cores, chDB 3.4); spare ones that were made ahead
 * saved nothing, since they are made on the same thread between two queries of a client.
 */
export class Connection {
  readonly #session: Session
  #overdue: Overdue
  #operation: Promise<unknown> = Promise.resolve()
  /** Names of settings that may have another value than the engine's default. */
  #changed: ReadonlySet<string> = new Set()

  /** @throws the engine's error for a setting that it does not take */
  static async open(engine: Engine, preparation: Preparation, overdue: Overdue): Promise<Connection> {
    const connection = new Connection(engine, overdue)
    try {
      await connection.prepare(preparation, overdue)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  private constructor(engine: Engine, overdue: Overdue) {
    this.#overdue = overdue
    this.#session = new Session(engine.dataPath)
  }

  /** Makes role and settings those of the next statement, whatever they were before. PRECONDITION: it was not made readonly = 1. */
  async prepare({ role, temporaryTables = false, settings }: Preparation, overdue: Overdue): Promise<void> {
    this.#overdue = overdue
    const wanted = { ...ALWAYS, ...settings }
    const before = this.#changed
    this.#changed = new Set([...before, ...Object.keys(wanted)])
    const changes = [
      ...[...before].filter((name) => !Object.hasOwn(wanted, name)).map((name) => `${name} = DEFAULT`),
      ...Object.entries(wanted).map(([name, value]) => `${name} = ${literal(String(value))}`),
    ]
    const further = temporaryTables ? [TEMPORARY_TABLES] : []
    // One call: each takes 0.2 ms.
    await this.run([`USE ${DATABASE}`, ...takingRole(role, further), `SET ${changes.join(', ')}`].join('; '), 'Null')
    this.#changed = new Set(Object.keys(wanted))
  }

  /** Values are escaped as in TabSeparated, as over HTTP. */
  async setParameters(parameters: ReadonlyMap<string, string>): Promise<void> {
    if (parameters.size === 0) return
    const list = [...parameters].map(([name, value]) => `param_${name} = ${literal(value)}`)
    await this.run(`SET ${list.join(', ')}`, 'Null')
  }

  async tokenize(sql: string): Promise<Token[]> {
    return tokensOf(sql, (await this.run(`SELECT ${TOKENS} FROM (SELECT ${literal(sql)} AS text)`, 'RawBLOB')).text())
  }

  /**
   * Returns a statement in the engine's own formatting, and its tokens. Executes nothing.
   * @throws the engine's SYNTAX_ERROR, also for several statements
   */
  async normalise(sql: string): Promise<{ sql: string; tokens: Token[] }> {
    const rendered = `SELECT formatQuerySingleLine(${literal(sql)}) AS text`
    const answer = (await this.run(`SELECT concat(text, '\\0', ${TOKENS}) FROM (${rendered})`, 'RawBLOB')).text()
    const end = answer.lastIndexOf('\0')
    const text = answer.slice(0, end)
    return { sql: text, tokens: tokensOf(text, answer.slice(end + 1)) }
  }

  async printAst(normalised: string): Promise<string> {
    return (await this.run(`EXPLAIN AST ${normalised}`, 'TSVRaw')).text()
  }

  run(sql: string, format: string): Promise<ChdbResult> {
    const operation = this.#watched(this.#session.queryAsync(sql, { format }))
    this.#operation = operation
    return operation
  }

  /** Leaving the loop over it cancels the query. */
  async *stream(sql: string, format: string): AsyncGenerator<StreamChunk> {
    const stream = this.#session.queryStream(sql, { format })
    const chunks = stream[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await this.#watched(chunks.next())
        if (next.done === true) return
        yield next.value
      }
    } finally {
      await chunks.return?.()
    }
  }

  /** The engine checks its time limit between blocks of rows only: one call of a function may take any time. */
  async #watched<T>(operation: Promise<T>): Promise<T> {
    const timer = setTimeout(this.#overdue.report, this.#overdue.afterMs)
    return operation.finally(() => clearTimeout(timer))
  }

  /** Waits for the running query: the engine cannot be interrupted within one, only between the chunks of a stream. */
  async close(): Promise<void> {
    await this.#operation.catch(() => undefined)
    this.#session.close()
  }
}

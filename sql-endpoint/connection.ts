import { isUtf8 } from 'node:buffer'
import { takingRole } from '../store/embedded/access-control.ts'
import type { Engine } from './engine.ts'
import { escapeNoUtf8, literal, tokensOf, type LexedToken, type Token } from './guard/tokens.ts'
import { NativeConnection, type NativeResult } from './native/native-connection.ts'
import { DATABASE, TEMPORARY_TABLES } from './options.ts'

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

/** Parameters of earlier statements that a connection may still have, and their characters. */
const MOST_PARAMETERS = 50
const MOST_CHARACTERS = 16_384

/**
 * Settings, parameters, temporary tables and the current database stick to a connection of the engine, so a connection belongs to one request,
 * to one session of a user, or to the reading statements of one user under the same settings (connection-pool.ts).
 */
export class Connection {
  readonly #native: NativeConnection
  /** Of the connection in the engine's list of what runs. */
  readonly tag: string
  /** Of the statement that runs. */
  overdue: Overdue
  #operation: Promise<unknown> = Promise.resolve()
  #role = ''
  #hasFailed = false
  /** Characters of each parameter that was set: the engine cannot forget one. */
  readonly #parameters = new Map<string, number>()
  /** The statement that sets those of the next one; empty: it has none. */
  #setting = ''
  /** Names of settings that may have another value than the engine's default. */
  #changed: ReadonlySet<string> = new Set()

  /** @throws the engine's error for a setting that it does not take */
  static async open(engine: Engine, preparation: Preparation, overdue: Overdue, tag = ''): Promise<Connection> {
    const connection = new Connection(engine, overdue, tag)
    try {
      await connection.prepare(preparation, overdue)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  private constructor(engine: Engine, overdue: Overdue, tag: string) {
    this.overdue = overdue
    this.tag = tag
    this.#native = new NativeConnection(engine.dataPath)
  }

  /** Makes role and settings those of the next statement, whatever they were before. PRECONDITION: it was not made readonly = 1. */
  async prepare({ role, temporaryTables = false, settings }: Preparation, overdue: Overdue): Promise<void> {
    this.overdue = overdue
    this.#role = role
    const wanted = { ...ALWAYS, ...settings }
    const before = this.#changed
    this.#changed = new Set([...before, ...Object.keys(wanted)])
    const changes = [
      ...[...before].filter((name) => !Object.hasOwn(wanted, name)).map((name) => `${name} = DEFAULT`),
      ...Object.entries(wanted).map(([name, value]) => `${name} = ${literal(String(value))}`),
    ]
    const further = temporaryTables ? [TEMPORARY_TABLES] : []
    // One call: each takes 0.2 ms.
    await this.execute([`USE ${DATABASE}`, ...takingRole(role, further), `SET ${changes.join(', ')}`].join('; '))
    this.#changed = new Set(Object.keys(wanted))
  }

  /** Takes role, limits and database again. PRECONDITION: readonly = 1 has kept the settings, and there are no temporary tables. */
  async renew(): Promise<void> {
    await this.execute([...takingRole(this.#role), `USE ${DATABASE}`].join('; '))
  }

  /** Whether it must not run another statement: what a failed one had written of its result would be the beginning of the next result. */
  get isWorn(): boolean {
    const characters = [...this.#parameters.values()].reduce((sum, length) => sum + length, 0)
    return this.#hasFailed || this.#parameters.size > MOST_PARAMETERS || characters > MOST_CHARACTERS
  }

  /** For the next statement. Values are escaped as in TabSeparated, as over HTTP. */
  setParameters(parameters: ReadonlyMap<string, string>): void {
    if (parameters.size === 0) return
    for (const [name, value] of parameters) this.#parameters.set(name, name.length + value.length)
    const list = [...parameters].map(([name, value]) => `param_${name} = ${literal(value)}`)
    this.#setting = `SET ${list.join(', ')}`
  }

  /** Also if it fails, it is not that of a later statement. */
  #takeSetting(): string {
    const setting = this.#setting
    this.#setting = ''
    return setting
  }

  async tokenize(sql: string): Promise<Token[]> {
    const { bytes } = await this.run(`SELECT tokenizeQuery(${literal(sql)})`, 'JSONCompactEachRow')
    const [lexed] = JSON.parse(bytes.toString()) as [LexedToken[]]
    return tokensOf(sql, lexed)
  }

  /**
   * Returns a statement in the engine's own formatting, and its tokens. Executes nothing.
   * @throws the engine's SYNTAX_ERROR, also for several statements
   */
  async normalise(sql: string): Promise<{ sql: string; tokens: Token[] }> {
    const rendered = `formatQuerySingleLine(${literal(sql)})`
    const { bytes } = await this.run(`SELECT ${rendered} AS text, tokenizeQuery(text)`, 'JSONCompactEachRow')
    if (!isUtf8(bytes)) {
      const raw = await this.run(`SELECT ${rendered}`, 'RawBLOB')
      const text = escapeNoUtf8(raw.bytes)
      return { sql: text, tokens: await this.tokenize(text) }
    }
    const [text, lexed] = JSON.parse(bytes.toString()) as [string, LexedToken[]]
    return { sql: text, tokens: tokensOf(text, lexed) }
  }

  async printAst(normalised: string): Promise<string> {
    return this.#textOf(`EXPLAIN AST ${normalised}`, 'TSVRaw')
  }

  /** @throws the engine's error; TOO_MANY_ROWS_OR_BYTES for a result of more than `mostBytes` */
  run(sql: string, format: string, mostBytes = Infinity): Promise<NativeResult> {
    // One call: each takes 0.3 ms.
    const setting = this.#takeSetting()
    return this.#operate(this.#native.query(setting === '' ? sql : `${setting}; ${sql}`, format, mostBytes))
  }

  /** Runs statements whose results are of no interest. */
  execute(sql: string): Promise<void> {
    return this.#operate(this.#native.execute(sql))
  }

  #operate<T>(running: Promise<T>): Promise<T> {
    const operation = this.#watched(running)
    this.#operation = operation
    return operation
  }

  /** Leaving the loop over it cancels the query. */
  async *stream(sql: string, format: string): AsyncGenerator<NativeResult> {
    const setting = this.#takeSetting()
    if (setting !== '') await this.execute(setting)
    const chunks = this.#native.stream(sql, format)
    let isWhole = false
    try {
      for (;;) {
        const next = await this.#watched(chunks.next())
        isWhole = next.done === true
        if (next.done === true) return
        yield next.value
      }
    } finally {
      this.#hasFailed ||= !isWhole
      await chunks.return(undefined)
    }
  }

  async #textOf(sql: string, format: string): Promise<string> {
    const { bytes } = await this.run(sql, format)
    return bytes.toString()
  }

  /** The engine checks its time limit between blocks of rows only: one call of a function may take any time. */
  async #watched<T>(operation: Promise<T>): Promise<T> {
    const timer = setTimeout(this.overdue.report, this.overdue.afterMs)
    try {
      return await operation
    } catch (error) {
      this.#hasFailed = true
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits for the running query: the engine cannot be interrupted within one, only between the chunks of a stream. */
  async close(): Promise<void> {
    await this.#operation.catch(() => undefined)
    this.#native.close()
  }
}

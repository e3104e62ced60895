import { Connection, type Overdue, type Preparation } from '../connection.ts'
import type { Engine } from '../engine.ts'
import { SqlError } from '../errors.ts'
import type { Assignments } from '../guard/set.ts'
import { isReadonly } from '../guard/settings.ts'
import type { SqlRequest } from '../request.ts'

/** What all settings and parameters of a session may have together. */
const MOST_NAMES = 200
const MOST_CHARACTERS = 65_536
const MOST_TABLES = 50

/** What the sessions together allow one of them. */
export interface SessionRoom {
  /** @throws SqlError USER_SESSION_LIMIT_EXCEEDED: too many sessions have temporary tables */
  requireConnection(session: SqlSession): void
  /** Null: its tables are not too large. */
  excess(session: SqlSession): string | null
}

/**
 * What requests with one `session_id` of one user share. Settings and parameters are kept here and sent with each statement; only temporary
 * tables need a connection of the engine, which no other session or user ever gets. One request uses it at a time.
 */
export class SqlSession {
  readonly user: string
  /** Whether its user only reads. */
  readonly readsOnly: boolean
  readonly #room: SessionRoom
  readonly #settings = new Map<string, string>()
  readonly #parameters = new Map<string, string>()
  #connection: Promise<Connection> | null = null
  /** What the connection is between two statements. */
  #idle: { readonly preparation: Preparation; readonly overdue: Overdue } | null = null
  /** Bytes of temporary tables, by name. */
  #tables: ReadonlyMap<string, number> = new Map()

  constructor(user: string, readsOnly: boolean, room: SessionRoom) {
    this.user = user
    this.readsOnly = readsOnly
    this.#room = room
  }

  get tables(): ReadonlySet<string> {
    return new Set(this.#tables.keys())
  }

  /** Whether it was told to write nothing more. */
  get isReadonly(): boolean {
    return isReadonly(this.#settings.get('readonly'))
  }

  get bytes(): number {
    return [...this.#tables.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  get holdsConnection(): boolean {
    return this.#connection !== null
  }

  /** Nothing is lost with it. */
  get isBlank(): boolean {
    return this.#connection === null && this.#settings.size === 0 && this.#parameters.size === 0
  }

  /** The request with what was set in the session before; its own settings and parameters go first. */
  applyTo(request: SqlRequest): SqlRequest {
    return {
      ...request,
      settings: new Map([...this.#settings, ...request.settings]),
      queryParams: new Map([...this.#parameters, ...request.queryParams]),
    }
  }

  /** @throws SqlError BAD_ARGUMENTS: that is too much */
  assign({ settings, parameters }: Assignments): void {
    const kept = new Map<string, string | null>([...this.#settings, ...settings])
    const values = [...kept, ...this.#parameters, ...parameters]
    const characters = values.reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0), 0)
    if (values.length > MOST_NAMES || characters > MOST_CHARACTERS) {
      const most = `${MOST_NAMES} settings and parameters, of ${MOST_CHARACTERS} characters together`
      throw new SqlError('BAD_ARGUMENTS', `A session keeps at most ${most}`)
    }
    for (const [name, value] of settings) {
      if (value === null) this.#settings.delete(name)
      else this.#settings.set(name, value)
    }
    for (const [name, value] of parameters) this.#parameters.set(name, value)
  }

  /**
   * The session's connection, for the next statement.
   * @param limits settings without which nothing runs on it
   */
  async prepare(
    engine: Engine,
    preparation: Preparation,
    limits: Preparation['settings'],
    overdue: Overdue,
  ): Promise<Connection> {
    const wanted = this.#own(preparation)
    this.#idle = { preparation: this.#own({ role: preparation.role, settings: limits }), overdue }
    if (this.#connection === null) {
      this.#room.requireConnection(this)
      this.#connection = Connection.open(engine, wanted, overdue)
      return await this.#connection.catch((error: unknown) => {
        this.#connection = null
        throw error
      })
    }
    const connection = await this.#connection
    await connection.prepare(wanted, overdue)
    return connection
  }

  /** Settings can change under readonly = 2, under 1 they cannot; the engine refuses a reader's role every other table all the same. */
  #own({ role, settings }: Preparation): Preparation {
    const own = new Map(Object.entries(settings))
    if (this.readsOnly) own.set('readonly', '2')
    else own.delete('readonly')
    return { role, temporaryTables: true, settings: Object.fromEntries(own) }
  }

  /** @throws SqlError TOO_MANY_TABLES */
  requireRoomForTable(): void {
    if (this.#tables.size < MOST_TABLES) return
    throw new SqlError('TOO_MANY_TABLES', `A session has at most ${MOST_TABLES} temporary tables`)
  }

  /**
   * Called when a temporary table has grown: it is dropped if the tables are too large now.
   * @throws SqlError MEMORY_LIMIT_EXCEEDED
   */
  async checkSize(table: string): Promise<void> {
    await this.#measure()
    const excess = this.#room.excess(this)
    if (excess === null) return
    const connection = await this.#connection
    await connection?.execute(`DROP TEMPORARY TABLE \`${table}\``)
    await this.#measure()
    throw new SqlError('MEMORY_LIMIT_EXCEEDED', `${excess}; temporary table ${table} was dropped`)
  }

  /** Called after each statement, whether it failed or not. Never rejects: a connection that does not work is given up with its tables. */
  async settle(): Promise<void> {
    if (this.#connection === null) return
    try {
      await this.#measure()
      if (this.#tables.size === 0) await this.close()
    } catch {
      await this.close()
    }
  }

  /** Drops the temporary tables. */
  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    this.#tables = new Map()
    await connection?.then((opened) => opened.close()).catch(() => undefined)
  }

  async #measure(): Promise<void> {
    const connection = await this.#connection
    if (connection === null || this.#idle === null) return
    // Without the statement's settings. What a failed statement had written of its result would be the beginning of the next: this takes it away.
    await connection.prepare(this.#idle.preparation, this.#idle.overdue)
    const sql = 'SELECT name, total_bytes FROM system.tables WHERE is_temporary'
    const { bytes } = await connection.run(sql, 'JSONCompact')
    const { data } = JSON.parse(bytes.toString()) as { data: [string, string | number | null][] }
    this.#tables = new Map(data.map(([name, size]) => [name, Number(size ?? 0)]))
  }
}

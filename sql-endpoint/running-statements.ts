import { randomUUID } from 'node:crypto'
import { literal } from './guard/tokens.ts'

/**
 * The engine gives each query an id of its own that nobody learns. This setting of a connection names the connection instead: it has no effect,
 * since the cache of queries is off, and no client may change it.
 */
const CARRIER = 'query_cache_tag'

/** Name of the parameter of SHOWN_PROCESSES: texts like {'tag':('user','query id')}. */
export const RUNNING_PARAMETER = 'gatepost_running'
const RUNNING = `{${RUNNING_PARAMETER}:Map(String, Tuple(String, String))}`
// Qualified: a plain `Settings` would be the replaced one.
const TAG = `p.Settings['${CARRIER}']`
const KNOWN = `${RUNNING}[${TAG}]`

/** What runs of the statements that the parameter names, with the user and the query id that the endpoint knows, without this machine's names. */
export const SHOWN_PROCESSES = `SELECT * REPLACE (${KNOWN}.1 AS user, ${KNOWN}.2 AS query_id, ${KNOWN}.1 AS initial_user, ${KNOWN}.2 AS initial_query_id,
    toIPv6('::') AS address, toIPv6('::') AS initial_address, '' AS os_user, '' AS client_hostname,
    mapFilter((name, value) -> name != '${CARRIER}', p.Settings) AS Settings)
  FROM system.processes AS p WHERE mapContains(${RUNNING}, ${TAG})`

/** A new mark of a connection. */
export function newTag(): string {
  return randomUUID()
}

export function tagSetting(tag: string): Readonly<Record<string, string>> {
  return { [CARRIER]: tag }
}

/** A statement that a client waits for, and on which connection of the engine it runs. */
export class RunningStatement {
  readonly user: string
  readonly queryId: string
  /** Of the connection that runs it. */
  tag = newTag()
  /** Somebody has asked the engine to end it: what its connection does next could be ended as well. */
  isKilled = false

  constructor(user: string, queryId: string) {
    this.user = user
    this.queryId = queryId
  }

  /** On system.processes. */
  get condition(): string {
    return `Settings['${CARRIER}'] = ${literal(this.tag)}`
  }
}

/** The statements that run: at most as many as there are slots. */
export class RunningStatements {
  readonly #all = new Set<RunningStatement>()

  get count(): number {
    return this.#all.size
  }

  begin(user: string, queryId: string): RunningStatement {
    const statement = new RunningStatement(user, queryId)
    this.#all.add(statement)
    return statement
  }

  end(statement: RunningStatement): void {
    this.#all.delete(statement)
  }

  /**
   * A condition on system.processes for what is to be ended.
   * @param queryId as a literal
   * @param user null: of every user
   */
  killed({ queryId, user }: { readonly queryId: string; readonly user: string | null }): string {
    const found = this.#of(user).filter((statement) => literal(statement.queryId) === queryId)
    for (const statement of found) statement.isKilled = true
    const tags = found.map(({ tag }) => literal(tag))
    return found.length === 0 ? '0' : `Settings['${CARRIER}'] IN (${tags.join(', ')})`
  }

  /** The value of SHOWN_PROCESSES' parameter. @param user null: of every user */
  described(user: string | null): string {
    const entries = this.#of(user).map(
      ({ tag, user: own, queryId }) => `${literal(tag)}:(${literal(own)},${literal(queryId)})`,
    )
    return `{${entries.join(',')}}`
  }

  #of(user: string | null): RunningStatement[] {
    return [...this.#all].filter((statement) => user === null || statement.user === user)
  }
}

import { Connection, type Overdue, type Preparation } from './connection.ts'
import type { Engine } from './engine.ts'
import { newTag, tagSetting } from './running-statements.ts'

interface Idle {
  readonly key: string
  readonly connection: Connection
  /** Whether its role has been taken anew. */
  isRenewed: boolean
  /** Resolves when it has, or could not be. */
  renewing: Promise<void>
}

/**
 * Connections of statements that only read. One is used again by the same user under the same role and settings, if nothing of the statement can
 * have stayed on it: under readonly = 1 the engine itself refuses to change a setting and to make a temporary table, role, profile and database
 * are taken anew after each statement, and a connection on which anything failed is closed. MEASURED: opening and preparing a connection
 * takes 0.8 ms, which was a quarter of a small query; taking the role anew takes 0.3 ms, while the answer is on its way.
 */
export class ConnectionPool {
  readonly #engine: Engine
  readonly #most: number
  /** The one that was used last is the last. */
  readonly #idle: Idle[] = []
  readonly #keys = new WeakMap<Connection, string>()

  /** @param most connections between two statements; above, the one that was not used for longest is closed */
  constructor(engine: Engine, most: number) {
    this.#engine = engine
    this.#most = most
  }

  get idle(): number {
    return this.#idle.length
  }

  /** @throws the engine's error for a setting that it does not take */
  async take(user: string, preparation: Preparation, overdue: Overdue): Promise<Connection> {
    const key = isReusable(preparation) ? keyOf(user, preparation) : null
    const at = this.#idle.findLastIndex((idle) => idle.key === key && idle.isRenewed)
    if (at !== -1) {
      const [{ connection }] = this.#idle.splice(at, 1)
      connection.overdue = overdue
      return connection
    }
    const tag = newTag()
    const settings = { ...preparation.settings, ...tagSetting(tag) }
    const connection = await Connection.open(this.#engine, { ...preparation, settings }, overdue, tag)
    if (key !== null) this.#keys.set(connection, key)
    return connection
  }

  /** @param isWhole whether the statement ended by itself and without an error */
  async giveBack(connection: Connection, isWhole: boolean): Promise<void> {
    const key = this.#keys.get(connection)
    if (key === undefined || !isWhole || connection.isWorn) return connection.close()
    const idle: Idle = { key, connection, isRenewed: false, renewing: Promise.resolve() }
    idle.renewing = this.#renew(idle)
    this.#idle.push(idle)
    if (this.#idle.length > this.#most) await close(this.#idle.shift())
  }

  /** Resolves when no connection's role is being taken anew. */
  async settled(): Promise<void> {
    await Promise.all(this.#idle.map(({ renewing }) => renewing))
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(close))
  }

  async #renew(idle: Idle): Promise<void> {
    try {
      await idle.connection.renew()
      idle.isRenewed = true
    } catch {
      const at = this.#idle.indexOf(idle)
      if (at !== -1) this.#idle.splice(at, 1)
      await idle.connection.close()
    }
  }
}

async function close(idle: Idle | undefined): Promise<void> {
  if (idle === undefined) return
  await idle.renewing
  await idle.connection.close()
}

function isReusable({ settings, temporaryTables = false }: Preparation): boolean {
  return settings['readonly'] === '1' && !temporaryTables
}

function keyOf(user: string, { role, settings }: Preparation): string {
  return JSON.stringify([user, role, Object.entries(settings).sort()])
}

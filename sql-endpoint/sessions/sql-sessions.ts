import { SqlError } from '../errors.ts'
import type { SqlLimits } from '../options.ts'
import type { SessionRequest } from './session-request.ts'
import { SqlSession, type SessionRoom } from './sql-session.ts'

interface Entry {
  readonly key: string
  readonly session: SqlSession
  isUsed: boolean
  /** Ends the session when nobody has used it for so long. */
  timer?: NodeJS.Timeout | undefined
}

/** The use of a session by one request. */
export interface SessionUse {
  readonly session: SqlSession
  /** Called when its statement has ended, before its client learns it: it may use the session again at once. Also twice. */
  readonly release: () => Promise<void>
}

/** The sessions of all users. A session belongs to one user: another one with the same `session_id` has another session. */
export class SqlSessions implements SessionRoom {
  readonly #limits: SqlLimits
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  readonly #closing = new Set<Promise<void>>()

  constructor(limits: SqlLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#sum(({ session }) => session.bytes)
  }

  /** @throws SqlError SESSION_NOT_FOUND, SESSION_IS_LOCKED, USER_SESSION_LIMIT_EXCEEDED */
  enter(user: string, readsOnly: boolean, request: SessionRequest): SessionUse {
    const key = JSON.stringify([user, request.id])
    const known = this.#entries.get(key)
    if (known === undefined && request.mustExist) {
      throw new SqlError('SESSION_NOT_FOUND', `Session ${request.id} not found`)
    }
    if (known?.isUsed === true) {
      throw new SqlError('SESSION_IS_LOCKED', `Session ${request.id} is locked by a concurrent client`)
    }
    if (known === undefined) this.#makeRoomFor(user)
    const entry = known ?? { key, session: new SqlSession(user, readsOnly, this), isUsed: true }
    clearTimeout(entry.timer)
    entry.isUsed = true
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    let released: Promise<void> | null = null
    const release = () => (released ??= this.#release(entry, request))
    return { session: entry.session, release }
  }

  requireConnection(session: SqlSession): void {
    const { maxTableSessions, maxTableSessionsOfUser } = this.#limits
    const holding = [...this.#entries.values()].filter((entry) => entry.session.holdsConnection)
    const own = holding.filter((entry) => entry.session.user === session.user)
    if (holding.length < maxTableSessions && own.length < maxTableSessionsOfUser) return
    const most = `${maxTableSessionsOfUser} of a user, ${maxTableSessions} in all`
    throw new SqlError('USER_SESSION_LIMIT_EXCEEDED', `Too many sessions have temporary tables. Maximum: ${most}`)
  }

  excess(session: SqlSession): string | null {
    const { maxSessionTableBytes, maxTableBytes } = this.#limits
    if (session.bytes > maxSessionTableBytes)
      return `The temporary tables of a session may have ${maxSessionTableBytes} bytes`
    return this.bytes > maxTableBytes ? `The temporary tables of all sessions may have ${maxTableBytes} bytes` : null
  }

  /** PRECONDITION: no request uses any. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values()) this.#end(entry)
    await Promise.all(this.#closing)
  }

  async #release(entry: Entry, { seconds, ends }: SessionRequest): Promise<void> {
    await entry.session.settle()
    entry.isUsed = false
    if (ends) this.#end(entry)
    else if (this.#entries.has(entry.key)) entry.timer = setTimeout(() => this.#end(entry), seconds * 1000).unref()
  }

  #end(entry: Entry): void {
    clearTimeout(entry.timer)
    this.#entries.delete(entry.key)
    const closing = entry.session.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Those that nothing is lost with make room, the one that was not used for longest first. */
  #makeRoomFor(user: string): void {
    const { maxSessions, maxSessionsOfUser } = this.#limits
    const ofUser = this.#sum(({ session }) => (session.user === user ? 1 : 0))
    const isFull = this.size >= maxSessions
    if (!isFull && ofUser < maxSessionsOfUser) return
    const spare = [...this.#entries.values()].find(
      ({ isUsed, session }) => !isUsed && session.isBlank && (isFull || session.user === user),
    )
    if (spare !== undefined) {
      this.#end(spare)
      if (ofUser < maxSessionsOfUser || spare.session.user === user) return
    }
    const most = `${maxSessionsOfUser} of a user, ${maxSessions} in all`
    throw new SqlError('USER_SESSION_LIMIT_EXCEEDED', `Too many sessions. Maximum: ${most}`)
  }

  #sum(count: (entry: Entry) => number): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + count(entry), 0)
  }
}

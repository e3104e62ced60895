import type { Logger } from '../common/logger.ts'
import { sqlTime } from '../common/sql-time.ts'
import { RowQueue } from './row-queue.ts'
import { insertRows, type TableStore } from './table-store.ts'

/** One row of table `audit_log`. */
export interface AuditEntry {
  /** `sql:NAME`: a user of the SQL endpoint. */
  readonly who: 'operator' | 'viewer' | 'local' | 'nobody' | `sql:${string}`
  readonly action:
    | 'login'
    | 'login_refused'
    | 'bearer_refused'
    | 'cookie_refused'
    | 'role_refused'
    | 'logout'
    | 'logins_search'
    | 'sessions_search'
    | 'sessions_listed'
    | 'session_viewed'
    | 'session_cut_off'
    | 'records_followed'
    | 'dead_letters_viewed'
    | 'dead_letter_replayed'
    | 'forget_counted'
    | 'forget'
    | 'forget_refused'
    | 'vouchers_created'
    | 'voucher_released'
    | 'sql_query'
    | 'sql_refused'
    | 'sql_login_refused'
  /** What it was about. */
  readonly subject: string
  readonly remoteIp: string
}

const TABLE = 'gatepost.audit_log (at, who, action, subject, remote_ip, times)'
/** Longer than any search: two values of 256 characters, percent-encoded. */
const MAX_SUBJECT = 8192
/** Equal entries of this time become two rows at most: the first one, and one for all others. */
const WINDOW_MS = 10 * 60_000
/** Different entries of this time; further ones of an action and a role are counted together. */
const MAX_KEYS = 2000
/** Rows that wait while the store does not take them; then the oldest are dropped. */
const MAX_WAITING = 5000

interface Row {
  readonly at: string
  readonly who: string
  readonly action: string
  readonly subject: string
  readonly remote_ip: string
  readonly times: number
}

/** What equal entries are counted in. */
interface Counted {
  readonly entry: AuditEntry
  more: number
}

/** Writes table `audit_log`. What anybody can cause without end is counted, so that its rows are bounded. */
export class AuditLog {
  readonly #store: TableStore
  readonly #rows: RowQueue<Row>
  readonly #counted = new Map<string, Counted>()
  #timer: NodeJS.Timeout | null = null

  constructor(store: TableStore, logger: Logger) {
    this.#store = store
    this.#rows = new RowQueue({ store, table: TABLE, max: MAX_WAITING, delayMs: 0, logger })
  }

  /** Rows that were dropped because the store did not take them. */
  get lost(): number {
    return this.#rows.lost
  }

  /** Resolves when the row is durable. @throws GatepostError of the store: the action must then not be carried out */
  async record(entry: AuditEntry, now: Date): Promise<void> {
    await this.#insert([rowOf(entry, now, 1)])
  }

  /** As record(); but of equal entries, as of a page that asks again every few seconds, only the first is waited for. */
  async recordOnce(entry: AuditEntry, now: Date): Promise<void> {
    const key = keyOf(entry)
    if (this.#add(key, entry)) return
    try {
      await this.record(entry, now)
    } catch (error) {
      this.#counted.delete(key)
      throw error
    }
  }

  /** Counts an entry. The first of equal ones is written at once, but nobody waits for it. */
  count(entry: AuditEntry, now: Date): void {
    if (!this.#add(keyOf(entry), entry)) this.#rows.add([rowOf(entry, now, 1)])
  }

  /** Writes what was counted. */
  async close(): Promise<void> {
    this.#turnOver()
    await this.#rows.close()
  }

  /** @returns whether there was an equal entry in this window */
  #add(key: string, entry: AuditEntry): boolean {
    this.#timer ??= setTimeout(() => this.#turnOver(), WINDOW_MS).unref()
    const same = this.#counted.get(key)
    if (same !== undefined) {
      same.more++
      return true
    }
    if (this.#counted.size < MAX_KEYS) {
      this.#counted.set(key, { entry, more: 0 })
      return false
    }
    const others = { who: entry.who, action: entry.action, subject: '(others)', remoteIp: '' }
    const all = this.#counted.get(keyOf(others))
    if (all === undefined) this.#counted.set(keyOf(others), { entry: others, more: 1 })
    else all.more++
    return true
  }

  #turnOver(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const now = new Date()
    const rows = [...this.#counted.values()].flatMap(({ entry, more }) => (more > 0 ? [rowOf(entry, now, more)] : []))
    this.#counted.clear()
    this.#rows.add(rows)
  }

  #insert(rows: readonly Row[]): Promise<void> {
    return insertRows(this.#store, TABLE, rows)
  }
}

function rowOf({ who, action, subject, remoteIp }: AuditEntry, now: Date, times: number): Row {
  return { at: sqlTime(now), who, action, subject: subject.slice(0, MAX_SUBJECT), remote_ip: remoteIp, times }
}

function keyOf({ who, action, subject, remoteIp }: AuditEntry): string {
  return [who, action, remoteIp, subject.slice(0, MAX_SUBJECT)].join('\n')
}

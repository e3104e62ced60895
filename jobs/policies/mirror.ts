import { sqlTime } from '../../common/sql-time.ts'
import type { AccessEntry, AccessLog } from '../../access/log.ts'
import { DECIDED, SUBJECTS } from '../../access/subjects.ts'
import type { Store } from '../../store/contract.ts'
import { insertRows } from '../../store/insert-rows.ts'

/*
 * Table access_decisions: the decisions about sessions, devices, accounts and gateways, for SQL. Everything else in the access log
 * (credentials, vouchers, bindings, registrations) is never copied to a table.
 */

const KINDS = DECIDED.map((kind) => SUBJECTS[kind])
/** Rows per insert, and subjects per SELECT: subjects are part of a URL. */
const ROWS = 5000
const NAMED = 500
const COMPARED = 10_000
/** Entries that have ended are copied too: a denial explains why sessions ended, also if it was taken back before it was copied. */
const EVER = -Infinity
const COLUMNS = 'gatepost.access_decisions (subject, verdict, reason, until, updated_at, removed)'

interface Row {
  readonly subject: string
  readonly verdict: string
  readonly reason: string
  readonly until: string | null
  readonly updated_at: string
}

/** PRECONDITION of writing: no other process writes at the same time, so that the newest row is the newest decision. */
export class AccessMirror {
  readonly #store: Pick<Store, 'query' | 'command'>
  readonly #access: AccessLog
  /** Subjects whose row may differ from their entry. Bounded by the size of the log. */
  readonly #changed = new Set<string>()

  constructor(store: Pick<Store, 'query' | 'command'>, access: AccessLog) {
    this.#store = store
    this.#access = access
    access.watch((subject) => {
      if (KINDS.some((kind) => kind.nameOf(subject) !== null)) this.#changed.add(subject)
    })
  }

  /** Called while another process writes: compare() finds everything. */
  idle(): void {
    this.#changed.clear()
  }

  /** Number of subjects whose row must be checked. */
  get waiting(): number {
    return this.#changed.size
  }

  /** Compares the whole table with the log: after a start, and after another process has written it. PRECONDITION: the log is known. */
  async compare(stopped: () => boolean): Promise<void> {
    for (const kind of KINDS)
      for (const [subject] of this.#access.entries(kind.prefix, EVER)) this.#changed.add(subject)
    for (let after = ''; !stopped();) {
      const rows = await this.#store.query<Row>(
        `SELECT rows.subject AS subject, toString(rows.verdict) AS verdict, rows.reason AS reason, toString(rows.until) AS until,
           toString(rows.updated_at) AS updated_at
         FROM gatepost.access_decisions AS rows FINAL WHERE rows.removed = 0 AND rows.subject > {after:String}
         ORDER BY rows.subject LIMIT ${COMPARED}`,
        { after },
      )
      for (const row of rows) {
        const entry = this.#access.get(row.subject, EVER)
        if (entry !== undefined && isSame(row, rowOf(row.subject, entry))) this.#changed.delete(row.subject)
        else this.#changed.add(row.subject)
      }
      if (rows.length < COMPARED) return
      after = rows[rows.length - 1].subject
    }
  }

  /** Writes the changes. PRECONDITION: the log is known. @throws GatepostError of the store: the changes are written the next time */
  async write(stopped: () => boolean): Promise<void> {
    while (this.#changed.size > 0 && !stopped()) {
      const changes = [...this.#changed].slice(0, ROWS)
      // A decision made during the write is checked again.
      for (const subject of changes) this.#changed.delete(subject)
      try {
        await this.#writeAll(changes)
      } catch (error) {
        for (const subject of changes) this.#changed.add(subject)
        throw error
      }
    }
  }

  async #writeAll(changes: readonly string[]): Promise<void> {
    const rows: object[] = []
    const gone: string[] = []
    for (const subject of changes) {
      const entry = this.#access.get(subject, EVER)
      if (entry === undefined) gone.push(subject)
      else rows.push({ ...rowOf(subject, entry), removed: 0 })
    }
    await insertRows(this.#store, COLUMNS, rows)
    for (let first = 0; first < gone.length; first += NAMED) {
      // The verdict is kept: it explains why sessions ended while it was in force.
      await this.#store.command(
        `INSERT INTO gatepost.access_decisions (subject, verdict, reason, until, updated_at, removed)
         SELECT subject, verdict, reason, until, updated_at, 1 FROM gatepost.access_decisions FINAL
         WHERE removed = 0 AND subject IN ({subjects:Array(String)})`,
        { subjects: gone.slice(first, first + NAMED) },
      )
    }
  }
}

function rowOf(subject: string, { verdict, reason, until, updatedAt }: AccessEntry): Row {
  return { subject, verdict, reason, until: until === null ? null : sqlTime(until), updated_at: sqlTime(updatedAt) }
}

function isSame(a: Row, b: Row): boolean {
  return a.verdict === b.verdict && a.reason === b.reason && a.until === b.until && a.updated_at === b.updated_at
}

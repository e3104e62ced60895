import { sqlTime } from '../../common/sql-time.ts'
import { capitalsOf } from '../../common/user-name.ts'
import type { AccessLog } from '../../access/log.ts'
import { SUBJECTS } from '../../access/subjects.ts'
import type { Store } from '../../store/contract.ts'

/*
 * Copies everybody who signed up at the portal and confirmed the address to table accounts. Only the address and the time of confirmation
 * are copied from the access log. An account that exists in the table, compared without case, is not changed.
 */

/** Names per statement: they are part of a URL. */
const NAMED = 1000
/** Statements per step; the rest waits for the next step. */
const STATEMENTS = 20
/** New accounts are compared with all existing ones, which takes at most a twentieth of the time. */
const REST = 19

export class SignUps {
  readonly #store: Pick<Store, 'query' | 'command'>
  readonly #access: AccessLog
  /** Subjects whose account may be missing in the table; bounded by the size of the log. */
  readonly #waiting = new Set<string>()
  /** By performance.now(). */
  #dueAt = -Infinity

  constructor(store: Pick<Store, 'query' | 'command'>, access: AccessLog) {
    this.#store = store
    this.#access = access
    access.watch((subject) => {
      if (SUBJECTS.credential.nameOf(subject) !== null) this.#waiting.add(subject)
    })
  }

  /**
   * Adds missing accounts. PRECONDITION: the log is known, and no other process does this at the same time.
   * @throws GatepostError of the store: it is done the next time
   */
  async write(stopped: () => boolean): Promise<void> {
    const started = performance.now()
    if (started < this.#dueAt) return
    for (let statement = 0; statement < STATEMENTS && this.#waiting.size > 0 && !stopped(); statement++) {
      const subjects = [...this.#waiting].slice(0, NAMED)
      await this.#add(subjects)
      for (const subject of subjects) this.#waiting.delete(subject)
    }
    this.#dueAt = started + (performance.now() - started) * (1 + REST)
  }

  async #add(subjects: readonly string[]): Promise<void> {
    const now = Date.now()
    const confirmed = new Map<string, string>()
    for (const subject of subjects) {
      const entry = this.#access.get(subject, now)
      const account = SUBJECTS.credential.dataOf(entry)?.account
      if (entry !== undefined && typeof account === 'string') confirmed.set(account, sqlTime(entry.updatedAt))
    }
    // Look up by the table's key, which is cheap: after a start almost all accounts exist.
    const names = [...confirmed.keys()]
    const present = await this.#store.query<{ username: string }>(
      'SELECT username FROM gatepost.accounts WHERE username IN ({names:Array(String)})',
      { names },
    )
    for (const { username } of present) confirmed.delete(username)
    if (confirmed.size === 0) return
    await this.#store.command(
      `INSERT INTO gatepost.accounts (username, contact, sponsor, created_at)
       SELECT signed_up.1, signed_up.1, signed_up.1, signed_up.2
       FROM (SELECT arrayJoin(arrayZip({names:Array(String)}, {times:Array(DateTime64(3, 'UTC'))})) AS signed_up)
       WHERE ${capitalsOf('signed_up.1')} NOT IN
         (SELECT ${capitalsOf('username')} FROM gatepost.accounts
          WHERE ${capitalsOf('username')} IN (SELECT ${capitalsOf('arrayJoin({names:Array(String)})')}))`,
      { names: [...confirmed.keys()], times: [...confirmed.values()] },
    )
  }
}

import { deciding } from './deciding.ts'
import { LatestLogins } from './latest-logins.ts'
import type { AccessEntry, AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/** A session that is known by its gateway and its device. */
export interface OnlineSession {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  /** In its normal form. */
  readonly mac: string
  readonly gwId: string
  /** Empty: none. */
  readonly account: string
  /** Its e-mail address is not confirmed yet: the device reaches mail servers only. */
  readonly validating: boolean
}

/** What the first use of a token says about its session. */
export interface WentOnline {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  /** Deadline for confirming an e-mail address, ms since the epoch; null: nothing has to be confirmed. */
  readonly confirmBy: number | null
}

/** What a report says about where its device is. */
export interface Seen {
  readonly gwId: string
  readonly mac: string
  /** The report is known to come from this gateway: anybody can send a login of a neighbour's MAC in the name of a gateway that nobody registered. */
  readonly isProven: boolean
  /** ms since the epoch. */
  readonly now: number
}

/**
 * Which session a device has at a gateway. Gateways that ask without a token (`stage=query`), and pages to which a gateway sends a browser without
 * one, know no more. The access log tells all workers.
 *
 * A session is over once its device has logged in at another gateway after the session's last accepted report (docs/sessions.md, "superseded").
 * Writing each report would be too much: an entry is written again only by the first report after such a login.
 */
export class OnlineClients {
  readonly #access: AccessLog
  readonly #latestLogins: LatestLogins

  constructor(access: AccessLog) {
    this.#access = access
    this.#latestLogins = new LatestLogins(access)
  }

  /** Called when a client goes online. Rejects if that cannot be written. */
  began({ gwId, mac, isProven, now }: Seen, session: WentOnline): Promise<void> {
    const { sessionId, ends, confirmBy } = session
    const data = { sessionId, mac, confirmBy: confirmBy ?? 0, loggedIn: isProven ? now : 0, ends }
    // A worker that starts after the end of this session must know that it ended longer ones elsewhere.
    const until = isProven ? Math.max(ends, this.#latestLogins.until(mac)) : ends
    const entry: AccessEntry = { verdict: 'allow', reason: '', until, updatedAt: now, data }
    return this.#access.put(SUBJECTS.online.of({ gwId, mac }), entry)
  }

  /** Whether wentOn() has to be told of the device's reports at this gateway. */
  isElsewhere(gwId: string, mac: string): boolean {
    return this.#latestLogins.isElsewhere(gwId, mac)
  }

  /** Called when a report of a session was accepted although its device logged in elsewhere. Rejects if that cannot be written. */
  async wentOn(seen: Seen, session: WentOnline, stage: string): Promise<void> {
    if (stage === 'login' && seen.isProven) return this.began(seen, session)
    const { gwId, mac, now } = seen
    const { online } = SUBJECTS
    const subject = online.of({ gwId, mac })
    const entry = this.#access.get(subject, now)
    // The gateway may still report a session that another one has followed at the same gateway.
    if (entry === undefined || online.dataOf(entry)?.sessionId !== session.sessionId) return
    if (this.#isSuperseded(gwId, mac, entry)) await this.#access.put(subject, { ...entry, updatedAt: now })
  }

  /** The device's latest session at this gateway, if it is neither over nor denied; null: there is none, or it is not known. */
  find(gwId: string, mac: string, now: number): OnlineSession | null {
    const entry = this.#access.get(SUBJECTS.online.of({ gwId, mac }), now)
    if (entry !== undefined && this.#isSuperseded(gwId, mac, entry)) return null
    const session = this.latest(gwId, mac, now)
    return session === null || deciding(this.#access, session, now)?.verdict === 'deny' ? null : session
  }

  #isSuperseded(gwId: string, mac: string, { updatedAt }: AccessEntry): boolean {
    const latest = this.#latestLogins.of(mac)
    return latest !== undefined && latest.gwId !== gwId && latest.at > updatedAt
  }

  /** The same, also if it was denied or its device is elsewhere. */
  latest(gwId: string, mac: string, now: number): OnlineSession | null {
    const { online, sessionAccount, session, confirmed } = SUBJECTS
    const access = this.#access
    if (!access.known || gwId === '' || mac === '') return null
    const entry = access.get(online.of({ gwId, mac }), now)
    const data = online.dataOf(entry)
    const ends = entry === undefined ? 0 : endOf(entry)
    if (ends <= now || data === undefined) return null
    const { sessionId, confirmBy } = data
    const account = sessionAccount.dataOf(access.get(sessionAccount.of(sessionId), now))?.account ?? ''
    const isConfirmed =
      access.get(confirmed.of(sessionId), now) !== undefined ||
      access.get(session.of(sessionId), now)?.verdict === 'allow'
    if (confirmBy !== 0 && !isConfirmed && now >= confirmBy) return null
    return { sessionId, ends, mac, gwId, account, validating: confirmBy !== 0 && !isConfirmed }
  }
}

/** When the session of an entry of kind `online` ends, ms since the epoch: the entry may be kept for longer. */
export function endOf(entry: AccessEntry): number {
  return SUBJECTS.online.dataOf(entry)?.ends ?? entry.until ?? 0
}

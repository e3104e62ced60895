import { deciding } from './deciding.ts'
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

/**
 * Which session a device has at a gateway. Gateways that ask without a token (`stage=query`), and pages to which a gateway sends a browser without
 * one, know no more. The access log tells all workers.
 */
export class OnlineClients {
  readonly #access: AccessLog

  constructor(access: AccessLog) {
    this.#access = access
  }

  /** Called when a client goes online. Rejects if that cannot be written. */
  began(gwId: string, mac: string, session: WentOnline, now: number): Promise<void> {
    const { sessionId, ends, confirmBy } = session
    const data = { sessionId, mac, confirmBy: confirmBy ?? 0 }
    const entry: AccessEntry = { verdict: 'allow', reason: '', until: ends, updatedAt: now, data }
    return this.#access.put(SUBJECTS.online.of({ gwId, mac }), entry)
  }

  /** The device's latest session at this gateway, if it has neither ended nor been denied; null: there is none, or it is not known. */
  find(gwId: string, mac: string, now: number): OnlineSession | null {
    const session = this.latest(gwId, mac, now)
    return session === null || deciding(this.#access, session, now)?.verdict === 'deny' ? null : session
  }

  /** The same, also if it was denied. */
  latest(gwId: string, mac: string, now: number): OnlineSession | null {
    const { online, sessionAccount, session, confirmed } = SUBJECTS
    const access = this.#access
    if (!access.known || gwId === '' || mac === '') return null
    const entry = access.get(online.of({ gwId, mac }), now)
    const data = online.dataOf(entry)
    if (entry === undefined || entry.until === null || data === undefined) return null
    const { sessionId, confirmBy } = data
    const account = sessionAccount.dataOf(access.get(sessionAccount.of(sessionId), now))?.account ?? ''
    const isConfirmed =
      access.get(confirmed.of(sessionId), now) !== undefined ||
      access.get(session.of(sessionId), now)?.verdict === 'allow'
    if (confirmBy !== 0 && !isConfirmed && now >= confirmBy) return null
    return { sessionId, ends: entry.until, mac, gwId, account, validating: confirmBy !== 0 && !isConfirmed }
  }
}

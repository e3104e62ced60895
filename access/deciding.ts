import type { AccessEntry, AccessLog } from './log.ts'
import { NOT_USED_IN_TIME, SUBJECTS } from './subjects.ts'

/** What decisions may be about; empty: not known. */
export interface Concerned {
  readonly sessionId: string
  readonly mac: string
  readonly account: string
  readonly gwId: string
}

/** The decision that counts for a session: the narrowest one, so that exceptions are possible; undefined: nobody decided. */
export function deciding(access: AccessLog, concerned: Concerned, now: number): AccessEntry | undefined {
  const { sessionId, mac, account, gwId } = concerned
  return (
    aboutSession(access, sessionId, now) ??
    (mac === '' ? undefined : access.get(SUBJECTS.mac.of(mac), now)) ??
    (account === '' ? undefined : access.get(SUBJECTS.account.of(account), now)) ??
    (gwId === '' ? undefined : access.get(SUBJECTS.gateway.of(gwId), now))
  )
}

/** A worker that did not know of the first use of a token may have taken a later one for it. */
function aboutSession(access: AccessLog, sessionId: string, now: number): AccessEntry | undefined {
  const entry = access.get(SUBJECTS.session.of(sessionId), now)
  if (entry?.reason !== NOT_USED_IN_TIME) return entry
  return access.get(SUBJECTS.used.of(sessionId), now) === undefined ? entry : undefined
}

import { sqlTime } from '../../common/sql-time.ts'
import { insertRows, type TableStore } from '../../store/table-store.ts'

/** One row of table `audit_log`. */
export interface AuditEntry {
  readonly who: 'operator' | 'viewer' | 'local' | 'nobody'
  readonly action:
    | 'login'
    | 'login_refused'
    | 'logout'
    | 'logins_search'
    | 'sessions_search'
    | 'session_cut_off'
    | 'dead_letter_replayed'
    | 'forget_counted'
    | 'forget'
    | 'forget_refused'
  /** What it was about, truncated to 1024 characters. */
  readonly subject: string
  readonly remoteIp: string
}

const MAX_SUBJECT = 1024

/** Resolves when the row is durable. @throws GatepostError of the store: the action must then not be carried out */
export async function recordAudit(store: TableStore, entry: AuditEntry, now: Date): Promise<void> {
  const { who, action, subject, remoteIp } = entry
  await insertRows(store, 'gatepost.audit_log (at, who, action, subject, remote_ip)', [
    { at: sqlTime(now), who, action, subject: subject.slice(0, MAX_SUBJECT), remote_ip: remoteIp },
  ])
}

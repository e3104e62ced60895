import { readFileSync } from 'node:fs'
import { packageFile } from '../../common/package-root.ts'

/*
 * The statements that maintain the session tables: queries in jobs/sessions/sql, prefixed with shared subqueries (the touched sessions;
 * their newest rows), and the columns that their rows are inserted into.
 */

type Shared = 'touched' | 'newest'

const HOURS =
  'gw_id, session_id, hour, mac, ip, first_seen, last_seen, last_ok, last_login_ok, denied_at, logout_at, last_answer, ' +
  'incoming, outgoing, reports, accepted_in, accepted_out, accepted_in6, accepted_out6, lower, ' +
  'first_logout, denial, login_denial, logins, interval_seconds'

export const LATER_HOURS = query('later-hours', ['touched'])
export const COMPUTE_HOUR = insert(`session_hours (${HOURS})`, 'compute-hour', ['touched'])
export const FOUND = query('found', ['touched', 'newest'])
export const KEEP_LOGINS = insert('session_client_logins (mac, at, gw_id, session_id)', 'keep-logins', [
  'touched',
  'newest',
])
export const KEEP_RIVALS = insert('session_next_logins (gw_id, session_id, rival_logins)', 'keep-rivals', [
  'touched',
  'newest',
])
export const KEEP_REASONS = insert('session_denials (gw_id, session_id, denied_at, reason)', 'keep-reasons', [
  'touched',
  'newest',
])
export const KEEP_GATEWAYS = insert(
  'session_gateway_facts (gw_id, interval_seconds, restarted_at, counters_at, restarts)',
  'keep-gateways',
  [],
)

function insert(into: string, name: string, shared: readonly Shared[]): string {
  return `INSERT INTO gatepost.${into}\n${query(name, shared)}`
}

function query(name: string, shared: readonly Shared[]): string {
  return shared.length === 0 ? sql(name) : `WITH\n${shared.map(sql).join(',\n')}\n${sql(name)}`
}

function sql(name: string): string {
  return readFileSync(packageFile(`jobs/sessions/sql/${name}.sql`), 'utf8').trimEnd()
}

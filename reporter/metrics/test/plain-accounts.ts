import type { Account } from '../../test/engine.ts'

/** The metrics of accounts as docs/metrics.md defines them, computed slowly and without SQL, to compare the queries with. */

type Kind = 'all' | 'sms' | 'email' | 'sponsored'

function isOf(kind: Kind, { contact = null, sponsor = null }: Account): boolean {
  if (kind === 'all') return true
  if (contact === null || sponsor === null) return false
  const own = contact.toLowerCase() === sponsor.toLowerCase()
  if (kind === 'sponsored') return !own
  return own && (kind === 'sms' ? contact.startsWith('+') : contact.includes('@'))
}

/** The last version of each account. */
function latest(accounts: readonly Account[]): Account[] {
  return [...new Map(accounts.map((account) => [account.name, account])).values()]
}

const within = (accounts: readonly Account[], start: string, end: string) =>
  latest(accounts).filter(({ created }) => created >= `${start}T00:00:00.000Z` && created < `${end}T00:00:00.000Z`)

const hasLoggedIn = ({ lastLogin = null }: Account) => lastLogin !== null
const EVER = '0000-01-01'

export function plainVolumetrics(accounts: readonly Account[], start: string, end: string): Record<string, number> {
  const fields: Record<string, number> = {}
  for (const kind of ['all', 'sms', 'email', 'sponsored'] as const) {
    const prefix = kind === 'all' ? '' : `${kind}_`
    fields[`${prefix}period_before`] = within(accounts, start, end).filter((account) => isOf(kind, account)).length
    fields[`${prefix}cumulative`] = within(accounts, EVER, end).filter((account) => isOf(kind, account)).length
  }
  return fields
}

export function plainCompletionRate(accounts: readonly Account[], start: string, end: string): Record<string, number> {
  const fields: Record<string, number> = {}
  for (const kind of ['all', 'sms', 'email', 'sponsored'] as const) {
    const name = kind === 'sponsored' ? 'sponsor' : kind
    for (const [prefix, from] of [
      ['', start],
      ['cumulative_', EVER],
    ]) {
      const registered = within(accounts, from, end).filter((account) => isOf(kind, account))
      fields[`${prefix}${name}_registered`] = registered.length
      fields[`${prefix}${name}_logged_in`] = registered.filter(hasLoggedIn).length
    }
  }
  return fields
}

export function plainInactiveUsers(accounts: readonly Account[], date: string): Record<string, number> {
  const [year, month] = date.split('-').map(Number)
  const days: string[] = []
  const end = Date.UTC(year, month - 1, -2)
  for (let day = Date.UTC(year, month - 2, 1); day < end; day += 86_400_000) {
    days.push(new Date(day).toISOString().slice(0, 10))
  }
  const created = latest(accounts).filter((account) => days.includes(account.created.slice(0, 10)))
  const active = created.filter(hasLoggedIn).length
  return { new_active_users: active, new_inactive_users: created.length - active, days: days.length }
}

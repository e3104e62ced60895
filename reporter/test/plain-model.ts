import type { Login } from './engine.ts'

/** The two metrics as METRICS.md words them, slowly and without SQL: what the queries are compared with. */

const DAY_MS = 86_400_000

function inWindow(logins: readonly Login[], start: string, end: string): Login[] {
  return logins.filter(({ at }) => at >= `${start}T00:00:00.000Z` && at < `${end}T00:00:00.000Z`)
}

export function plainAccountUsage(
  logins: readonly Login[],
  locations: ReadonlyMap<string, number>,
  start: string,
  end: string,
): Record<string, number> {
  const successful = inWindow(logins, start, end).filter(({ user, success }) => user !== '' && success !== 0)
  const users = new Set(successful.map(({ user }) => user))
  const pairs = new Set(successful.map(({ user, site }) => JSON.stringify([user, locations.get(site ?? '') ?? 'none'])))
  const roaming = pairs.size - users.size
  return { total: users.size, transactions: pairs.size, roaming, one_time: users.size - roaming }
}

export function plainUniqueUsers(logins: readonly Login[], start: string, end: string): Record<string, number> {
  let sum = 0
  let days = 0
  for (let day = Date.parse(start); day < Date.parse(end); day += DAY_MS) {
    const weekday = new Date(day).getUTCDay()
    if (weekday === 0 || weekday === 6) continue
    const text = new Date(day).toISOString().slice(0, 10)
    const users = new Set(logins.filter(({ at, user }) => at.startsWith(text) && user !== '').map(({ user }) => user))
    if (users.size === 0) continue
    sum += users.size
    days += 1
  }
  return { count: days === 0 ? 0 : Math.floor(sum / days) }
}

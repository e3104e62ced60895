import type { Login } from '../../test/engine.ts'

/** The metrics of logins as docs/metrics.md defines them, computed slowly and without SQL, to compare the queries with. */

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

function successfulUsers(logins: readonly Login[], start: string, end: string): Map<string, Login[]> {
  const users = new Map<string, Login[]>()
  for (const login of inWindow(logins, start, end)) {
    const { user = '', success } = login
    if (user !== '' && success !== 0) users.set(user, [...(users.get(user) ?? []), login])
  }
  return users
}

export function plainActiveUsers(logins: readonly Login[], start: string, end: string): number {
  return successfulUsers(logins, start, end).size
}

export function plainRoamingUsers(
  logins: readonly Login[],
  locations: ReadonlyMap<string, number>,
  start: string,
  end: string,
): { active: number; roaming: number; cba: number } {
  const users = [...successfulUsers(logins, start, end).values()]
  const roaming = users.filter((own) => {
    const known = own.map(({ site = '' }) => locations.get(site)).filter((location) => location !== undefined)
    return new Set(known).size > 1
  })
  const certificates = inWindow(logins, start, end)
    .filter(({ user = '', serial = '', success }) => user === '' && serial !== '' && success !== 0)
    .map(({ serial, issuer = '' }) => JSON.stringify([serial, issuer]))
  return { active: users.length, roaming: roaming.length, cba: new Set(certificates).size }
}

export function plainUserDevices(logins: readonly Login[], start: string, end: string): { devices: number | null } {
  const macs = new Map<string, Set<string>>()
  for (const { user = '', mac = '' } of inWindow(logins, start, end)) {
    if (user === '') continue
    const own = macs.get(user) ?? new Set<string>()
    macs.set(user, own)
    if (mac !== '') own.add(mac)
  }
  let sum = 0
  for (const own of macs.values()) sum += own.size
  return { devices: macs.size === 0 ? null : sum / macs.size }
}

/** `hour`: its beginning, as 2024-03-01T13. */
export function plainRequestStats(logins: readonly Login[], hour: string): Record<string, unknown>[] {
  const inHour = logins.filter(({ at }) => at.startsWith(hour))
  const sites = [...new Set(inHour.map(({ site = '' }) => site))].sort()
  return sites.map((site_ip) => {
    const own = inHour.filter(({ site = '' }) => site === site_ip)
    const failures = own.filter(({ success }) => success === 0).length
    return { site_ip, successes: own.length - failures, failures }
  })
}

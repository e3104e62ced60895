import { sqlTime } from '../../common/sql-time.ts'
import type { TableStore } from '../../store/table-store.ts'

/** Logins of a site in a time range. */
export interface Site {
  readonly site_ip: string
  /** From table ip_locations; empty: unknown. */
  readonly name: string
  readonly accepted: number
  readonly refused: number
  /** Distinct user names, successful or not. */
  readonly users: number
  readonly latest: string
  /** Counts per step, oldest first. */
  readonly steps: readonly { readonly accepted: number; readonly refused: number }[]
  /** The most frequent replies to refused users. */
  readonly reasons: readonly { readonly reply: string; readonly logins: number }[]
}

export interface SiteReport {
  /** When the first step begins, ms since the epoch. */
  readonly begins: number
  readonly step_seconds: number
  /** How many sites there are, those included that limit and offset leave out. */
  readonly total: number
  readonly sites: readonly Site[]
}

export interface SiteSearch {
  readonly hours: 24 | 168 | 720
  readonly limit: number
  /** How many to leave out before the first one. */
  readonly offset?: number
  readonly now: Date
}

const STEP_SECONDS = { 24: 3600, 168: 6 * 3600, 720: 24 * 3600 } as const
const REASONS_OF_A_SITE = 3

type SiteRow = Omit<Site, 'steps' | 'reasons'> & { readonly total: number }

export async function siteReport(
  store: TableStore,
  { hours, limit, offset = 0, now }: SiteSearch,
): Promise<SiteReport> {
  const step = STEP_SECONDS[hours]
  const end = Math.ceil(now.getTime() / 1000 / step) * step
  const begin = end - hours * 3600
  const time = { from: sqlTime(begin * 1000) }
  const sites = await store.query<SiteRow>(
    `SELECT counted.site_ip AS site_ip, places.name AS name, accepted, refused, users, latest, total FROM (
       SELECT toString(site_ip) AS site_ip, toUInt32(countIf(success = 1)) AS accepted,
         toUInt32(countIf(success = 0)) AS refused, toUInt32(uniqExactIf(username, username != '')) AS users,
         toString(max(received_at)) AS latest, toUInt32(count() OVER ()) AS total
       FROM gatepost.post_auth WHERE received_at >= {from:DateTime64(3, 'UTC')} GROUP BY site_ip
       ORDER BY accepted + refused DESC, site_ip LIMIT {limit:UInt32} OFFSET {offset:UInt32}
     ) AS counted
     LEFT JOIN (SELECT ip, any(name) AS name FROM gatepost.ip_locations GROUP BY ip) AS places ON places.ip = counted.site_ip
     ORDER BY accepted + refused DESC, site_ip`,
    { ...time, limit, offset },
  )
  const names = sites.map(({ site_ip }) => site_ip)
  const [steps, reasons] = names.length === 0 ? [[], []] : await detailsOf(store, { ...time, names, begin, step })
  const count = (hours * 3600) / step
  return {
    begins: begin * 1000,
    step_seconds: step,
    total: sites[0]?.total ?? 0,
    sites: sites.map(({ site_ip, name, accepted, refused, users, latest }) => ({
      site_ip,
      name,
      accepted,
      refused,
      users,
      latest,
      steps: filled(
        steps.filter((step) => step.site_ip === site_ip),
        count,
      ),
      reasons: reasons.filter((reason) => reason.site_ip === site_ip).map(({ reply, logins }) => ({ reply, logins })),
    })),
  }
}

interface StepRow {
  readonly site_ip: string
  readonly place: number
  readonly accepted: number
  readonly refused: number
}

interface ReasonRow {
  readonly site_ip: string
  readonly reply: string
  readonly logins: number
}

function detailsOf(
  store: TableStore,
  parameters: {
    readonly from: string
    readonly names: readonly string[]
    readonly begin: number
    readonly step: number
  },
): Promise<[StepRow[], ReasonRow[]]> {
  const where = `received_at >= {from:DateTime64(3, 'UTC')} AND site_ip IN {names:Array(String)}`
  return Promise.all([
    store.query<StepRow>(
      `SELECT site_ip, toUInt32(intDiv(toUnixTimestamp(received_at) - {begin:UInt32}, {step:UInt32})) AS place,
         toUInt32(countIf(success = 1)) AS accepted, toUInt32(countIf(success = 0)) AS refused
       FROM gatepost.post_auth WHERE ${where} GROUP BY site_ip, place`,
      parameters,
    ),
    store.query<ReasonRow>(
      `SELECT site_ip, if(authentication_reply = '', authentication_result, authentication_reply) AS reply,
         toUInt32(count()) AS logins
       FROM gatepost.post_auth WHERE ${where} AND success = 0 GROUP BY site_ip, reply
       ORDER BY site_ip, logins DESC, reply LIMIT ${REASONS_OF_A_SITE} BY site_ip`,
      parameters,
    ),
  ])
}

function filled(rows: readonly StepRow[], count: number): Site['steps'] {
  const steps = Array.from({ length: count }, () => ({ accepted: 0, refused: 0 }))
  // Records that arrived after the clock was read may lie beyond the last step.
  for (const { place, accepted, refused } of rows) if (place < count) steps[place] = { accepted, refused }
  return steps
}

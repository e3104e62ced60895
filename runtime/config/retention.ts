import { z } from 'zod'
import {
  FOLLOWS,
  KEPT_TABLES,
  KEPT_WITH,
  NAMELESS,
  retentionOf,
  type DaysByTable,
  type KeptTable,
  type Retention,
} from '../../store/retention.ts'
import { nearest } from './nearest.ts'
import { integer, type ValueSchema } from './values.ts'

/*
 * Combines GATEPOST_RETENTION_DAYS, GATEPOST_RETENTION_DAYS_BY_TABLE (per table), and GATEPOST_PSEUDONYMISE_AFTER_DAYS (after which no row
 * may name a person).
 */

const MAX_DAYS = 3650
/** With fewer days, rows of a day would start to expire before the day is over, so no complete day could be copied. */
const MIN_CALENDAR_DAYS = 2

export const retentionDays = integer(1, MAX_DAYS)

export const DAYS_BY_TABLE_ALLOWED = `comma-separated table=days, no table twice, 1 to ${MAX_DAYS} days, of ${KEPT_TABLES.join(', ')}`

/** `post_auth=400, gateway_pings=14`. An error message names the entry it is about. */
export const daysByTable: ValueSchema<DaysByTable> = z.string().transform((text, context) => {
  const found = new Map<KeptTable, number>()
  for (const entry of text.split(',').map((part) => part.trim())) {
    const problem = addEntry(found, entry)
    if (problem === null) continue
    context.addIssue(problem)
    return z.NEVER
  }
  return Object.fromEntries(found)
})

/** @returns the error; null: valid, and added to `found` */
function addEntry(found: Map<KeptTable, number>, entry: string): string | null {
  const [, name, daysText] = /^(\w+)\s*=\s*(\S+)$/.exec(entry) ?? []
  if (name === undefined) return `'${entry}' is not table=days`
  const table = KEPT_TABLES.find((known) => known === name)
  if (table === undefined) return noTable(name)
  if (found.has(table)) return `${table} is named twice`
  const days = retentionDays.safeParse(daysText)
  if (!days.success) return `${entry} is not a whole number of days, 1 to ${MAX_DAYS}`
  found.set(table, days.data)
  return null
}

function noTable(name: string): string {
  if (Object.hasOwn(KEPT_WITH, name)) {
    return `${name} is kept as long as ${KEPT_WITH[name as keyof typeof KEPT_WITH]}, which can be set`
  }
  const near = nearest(name, KEPT_TABLES)
  return `${name} is not a table that expires after a number of days${near === undefined ? '' : `, ${near} is`}`
}

/** The values of the three variables, where set. */
export interface RetentionValues {
  readonly retentionDays: number
  readonly retentionDaysByTable?: DaysByTable | undefined
  readonly pseudonymiseAfterDays?: number | undefined
}

/**
 * How long each table keeps its rows. With a history under pseudonyms, the history is kept for GATEPOST_RETENTION_DAYS, and tables that name
 * people are kept no longer than GATEPOST_PSEUDONYMISE_AFTER_DAYS.
 */
export function effectiveRetention(values: RetentionValues): Retention {
  return retentionOf(values.pseudonymiseAfterDays ?? values.retentionDays, values.retentionDaysByTable)
}

/** Conflicts between the variables, one line each. */
export function retentionProblems(values: RetentionValues): string[] {
  const { retentionDaysByTable: byTable, pseudonymiseAfterDays: after } = values
  if (byTable === undefined) return []
  const retention = effectiveRetention(values)
  const wrong = (table: string, problem: string) =>
    `GATEPOST_RETENTION_DAYS_BY_TABLE: ${table}=${retention[table as KeptTable]}: ${problem}`
  const problems: string[] = []
  for (const [table, source] of Object.entries(FOLLOWS)) {
    if (retention[table as KeptTable] >= retention[source]) continue
    problems.push(
      wrong(table, `${source}, from which it comes, is kept for ${retention[source]} days; allowed is that or more`),
    )
  }
  if (after === undefined) return problems
  for (const [table, days] of Object.entries(byTable)) {
    if (days <= after || NAMELESS.includes(table as KeptTable)) continue
    problems.push(
      wrong(table, `it names people, and GATEPOST_PSEUDONYMISE_AFTER_DAYS=${after}; allowed is that or less`),
    )
  }
  if (retention.login_calendar < MIN_CALENDAR_DAYS) {
    problems.push(
      wrong(
        byTable.login_calendar === undefined ? 'post_auth' : 'login_calendar',
        `GATEPOST_PSEUDONYMISE_AFTER_DAYS=${after} takes the history of logins from login_calendar; ` +
          `allowed is ${MIN_CALENDAR_DAYS} or more for it`,
      ),
    )
  }
  return problems
}

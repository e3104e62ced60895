import type { Logger } from '../common/logger.ts'
import type { EngineRole } from '../store/embedded/access-control.ts'
import { limitSettings } from './guard/settings.ts'
import type { NamedReader } from './named-reader.ts'
import { DATABASE, type SqlLimits } from './options.ts'

export function readerRoleName({ name }: NamedReader): string {
  return `sql_reader_${name}`
}

/** The engine itself hides what is hidden, in views and conditions too. */
export function readerRole(reader: NamedReader, limits: SqlLimits): EngineRole {
  const own = limitsOfReader(reader, limits)
  return {
    name: readerRoleName(reader),
    grants: readerGrants(reader),
    maximums: limitSettings(own, own.maxExecutionSeconds),
  }
}

export function readerGrants({ shown, hidden }: NamedReader): string[] {
  const granted = shown?.map((place) => `GRANT ${select(place)}`) ?? [`GRANT SELECT ON ${DATABASE}.*`]
  return [...granted, ...hidden.map((place) => `REVOKE ${select(place)}`)]
}

/** Readers of whom every table and column exists: a name that is misspelt would hide nothing, so others are switched off. */
export function readersThatHold(
  readers: readonly NamedReader[],
  places: ReadonlySet<string>,
  logger: Logger,
): NamedReader[] {
  return readers.filter(({ name, shown, hidden }) => {
    const missing = [...(shown ?? []), ...hidden].filter((place) => !places.has(place))
    if (missing.length === 0) return true
    logger.error(
      { event: 'sql.user_off', user: name, missing },
      `SQL endpoint: user ${name} is switched off, since database ${DATABASE} has no ${missing.join(', ')}: correct GATEPOST_SQL_USERS and restart`,
    )
    return false
  })
}

/** Lower limits only. */
export function limitsOfReader(reader: NamedReader | null, limits: SqlLimits): SqlLimits {
  if (reader === null) return limits
  const lower = (name: keyof NamedReader['limits']): number => Math.min(limits[name], reader.limits[name] ?? Infinity)
  return {
    ...limits,
    maxExecutionSeconds: lower('maxExecutionSeconds'),
    maxMemoryBytes: lower('maxMemoryBytes'),
    maxResultBytes: lower('maxResultBytes'),
  }
}

function select(place: string): string {
  const [table, column] = place.split('.')
  return column === undefined
    ? `SELECT ON ${DATABASE}.\`${table}\``
    : `SELECT(\`${column}\`) ON ${DATABASE}.\`${table}\``
}

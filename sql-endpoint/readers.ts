import type { Logger } from '../common/logger.ts'
import type { EngineRole } from '../store/embedded/access-control.ts'
import { partsOf } from './column-parts.ts'
import type { EngineFacts } from './engine.ts'
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
  return [...granted, ...hidden.map((place) => `REVOKE ${select(place, OF_HIDDEN)}`)]
}

/** They tell the values of columns that a table is partitioned by. */
const OF_PARTITIONS = ['_part', '_partition_id', '_partition_value']
const OF_HIDDEN = (column: string): string[] => [...partsOf(column), ...OF_PARTITIONS]

/** Names of the columns that a reader of whole tables does not see. */
export function hiddenColumns({ hidden }: NamedReader): ReadonlySet<string> {
  return new Set(hidden.flatMap((place) => split(place)[1] ?? []))
}

/**
 * Readers to whom is hidden what shall be. Others are switched off: a name that is misspelt would hide nothing, and a column that is computed from
 * a hidden one says the same.
 */
export function readersThatHold(
  readers: readonly NamedReader[],
  { places, computed }: Pick<EngineFacts, 'places' | 'computed'>,
  logger: Logger,
): NamedReader[] {
  return readers.filter((reader) => {
    const { name, shown, hidden } = reader
    const missing = [...(shown ?? []), ...hidden].filter((place) => !places.has(place))
    const telling = [...computed].filter(
      ([place, from]) => isShownWhole(reader, place) && tellsHidden(reader, place, from),
    )
    if (missing.length + telling.length === 0) return true
    const reasons = [
      ...(missing.length === 0 ? [] : [`database ${DATABASE} has no ${missing.join(', ')}`]),
      ...telling.map(([place]) => `${place} is computed from a column that is hidden, and is not`),
    ]
    logger.error(
      { event: 'sql.user_off', user: name, missing, telling: telling.map(([place]) => place) },
      `SQL endpoint: user ${name} is switched off, since ${reasons.join(', and ')}: correct GATEPOST_SQL_USERS and restart`,
    )
    return false
  })
}

/** Whether the column is seen because its table is, without having been named. */
function isShownWhole({ shown, hidden }: NamedReader, place: string): boolean {
  const [table] = split(place)
  return (shown === null || shown.includes(table)) && !hidden.includes(table) && !hidden.includes(place)
}

function tellsHidden({ hidden }: NamedReader, place: string, from: string): boolean {
  const [table] = split(place)
  const words = new Set(from.match(/\w+/g))
  return hidden.some((other) => {
    const [ofTable, column] = split(other)
    if (ofTable !== table || column === null) return false
    return /^\w+$/.test(column) ? words.has(column) : from.includes(column)
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

/** @param further columns to this one */
function select(place: string, further: (column: string) => string[] = () => []): string {
  const [table, column] = split(place)
  const columns = column === null ? [] : [column, ...further(column)].map((name) => `\`${name}\``)
  return `SELECT${column === null ? '' : `(${columns.join(', ')})`} ON ${DATABASE}.\`${table}\``
}

/** The name of a column may contain dots. */
function split(place: string): [table: string, column: string | null] {
  const dot = place.indexOf('.')
  return dot === -1 ? [place, null] : [place.slice(0, dot), place.slice(dot + 1)]
}

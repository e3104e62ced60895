import type { EngineRole } from '../store/embedded/access-control.ts'
import { limitSettings } from './guard/settings.ts'
import { DATABASE, DEFAULT_LIMITS, TEMPORARY_TABLES, type SqlLimits } from './options.ts'
import type { NamedReader } from './named-reader.ts'
import { readerRole } from './readers.ts'
import type { Role } from './users.ts'

const READ = [`GRANT SELECT ON ${DATABASE}.*`]
const CHANGE = [
  ...READ,
  `GRANT INSERT, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE, OPTIMIZE, CHECK ON ${DATABASE}.*`,
  `GRANT ALTER UPDATE, ALTER DELETE, ALTER COLUMN, ALTER INDEX, ALTER PROJECTION, ALTER CONSTRAINT, ALTER ORDER BY, ALTER SAMPLE BY,
    ALTER TTL, ALTER SETTINGS, ALTER MODIFY COMMENT, ALTER VIEW MODIFY QUERY ON ${DATABASE}.*`,
]
/** Logs of what users did: nobody changes them. */
const LOGS = ['audit_log', 'sql_queries'].map((table) => `${DATABASE}.${table}`)
const AS_ADMIN = [...CHANGE, ...LOGS.flatMap((log) => [`REVOKE ALL ON ${log}`, `GRANT SELECT ON ${log}`])]
/** A file is the request's data (insert.ts). */
const AS_STORE = [...CHANGE, `GRANT CREATE DATABASE ON ${DATABASE}.*`, 'GRANT READ ON FILE']
const GRANTS: Record<Role, readonly string[]> = { reader: READ, admin: AS_ADMIN, operator: AS_STORE }

/** What the endpoint's users may do, as the engine enforces it. The engine has to be opened with them. */
export function engineRoles(readers: readonly NamedReader[] = [], limits: Partial<SqlLimits> = {}): EngineRole[] {
  const all: SqlLimits = { ...DEFAULT_LIMITS, ...limits }
  const fixed = (['reader', 'admin', 'operator'] as const).map((role) => {
    const seconds = role === 'reader' ? all.maxExecutionSeconds : Math.max(all.maxWriteSeconds, all.maxExecutionSeconds)
    return { name: roleName(role), grants: GRANTS[role], maximums: limitSettings(all, seconds) }
  })
  // In memory only: other engines need CREATE ARBITRARY TEMPORARY TABLE.
  const temporary = { name: TEMPORARY_TABLES, grants: ['GRANT CREATE TEMPORARY TABLE ON *.*'], maximums: new Map() }
  return [...fixed, temporary, ...readers.map((reader) => readerRole(reader, all))]
}

export function roleName(role: Role): string {
  return `sql_${role}`
}

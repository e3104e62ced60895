import type { EngineRole } from '../store/embedded/access-control.ts'
import { limitSettings } from './guard/settings.ts'
import { DATABASE, DEFAULT_LIMITS, TEMPORARY_TABLES, type SqlLimits } from './options.ts'
import type { NamedReader } from './named-reader.ts'
import { SqlError } from './errors.ts'
import { readerGrants, readerRole, readerRoleName } from './readers.ts'
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

/** What a user may do, as SHOW GRANTS says it on a server. */
export function grantsOf(user: string, role: Role, reader: NamedReader | null): string[] {
  const grants = reader !== null ? readerGrants(reader) : GRANTS[role]
  return grants.map((grant) => {
    const text = grant.replaceAll(/\s+/g, ' ')
    return `${text} ${text.startsWith('REVOKE') ? 'FROM' : 'TO'} ${user}`
  })
}

const LESSER: Record<Role, readonly Role[]> = {
  operator: ['operator', 'admin', 'reader'],
  admin: ['admin', 'reader'],
  reader: ['reader'],
}

/**
 * The role in which a user wants to ask: parameters `role`. A client that asks for less must not get more without a word.
 * @throws SqlError UNKNOWN_ROLE, SET_NON_GRANTED_ROLE
 */
export function requestedRole(role: Role, reader: NamedReader | null, names: readonly string[]): Role {
  const wanted = names.filter((name) => name !== '')
  for (const name of wanted) {
    const isOwn = reader !== null ? name === readerRoleName(reader) : LESSER[role].some((own) => name === roleName(own))
    if (isOwn) continue
    const exists = LESSER.operator.some((any) => name === roleName(any))
    if (exists) throw new SqlError('SET_NON_GRANTED_ROLE', `Role ${name} should be granted to set as a current`)
    throw new SqlError('UNKNOWN_ROLE', `There is no role ${name} for this user`)
  }
  if (wanted.length === 0 || reader !== null) return role
  return LESSER[role].find((own) => wanted.includes(roleName(own))) ?? role
}

export function roleName(role: Role): string {
  return `sql_${role}`
}

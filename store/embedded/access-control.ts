import { Session } from 'chdb'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A role that a connection of the engine can take: see takingRole(). */
export interface EngineRole {
  /** Also the name of its settings profile: letters, digits and underscores. */
  readonly name: string
  /** GRANT and REVOKE statements in order, without the grantee. */
  readonly grants: readonly string[]
  /** The largest value of each setting; 0, which means unlimited to the engine, is not allowed either. */
  readonly maximums: ReadonlyMap<string, number>
}

/** What the connections of the store have, which take no role. */
const EVERYTHING = 'everything'
/** Between "unlimited" and the smallest limit of a query. */
const ABOVE_ZERO = 0.000001

/**
 * Opens the engine with its access control. The engine reads it with the first connection of a process to a directory; all later ones have
 * it too, whatever their arguments say, and its files are read only once.
 *
 * Backups may be anywhere, since only the store's own connections may write or read them: no role is granted BACKUP.
 *
 * Every connection is the user `default`, whose rights are all roles. A role's limits belong to a profile, since roles of this engine have none.
 */
export function openEngine(path: string, roles: readonly EngineRole[], { merges = true } = {}): Session {
  const directory = mkdtempSync(join(tmpdir(), 'gatepost-engine-'))
  const file = (name: string): string => join(directory, name)
  try {
    writeFileSync(file('users.xml'), usersXml(roles))
    // Without it the engine reads config.xml of the working directory, whatever that is.
    writeFileSync(file('config.xml'), element('clickhouse', configuration(file('users.xml'), merges)))
    return new Session(path, { connectionArgs: [`--config-file=${file('config.xml')}`] })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** No parts are small enough to be merged. */
const NO_MERGES =
  '<max_bytes_to_merge_at_max_space_in_pool>1</max_bytes_to_merge_at_max_space_in_pool>' +
  '<max_bytes_to_merge_at_min_space_in_pool>1</max_bytes_to_merge_at_min_space_in_pool>' +
  '<max_number_of_merges_with_ttl_in_pool>0</max_number_of_merges_with_ttl_in_pool>'

/**
 * By these statements a connection takes a role with its limits, and the grants of further ones. SET ROLE would also give the others back, so
 * no client may send it.
 */
export function takingRole(name: string, further: readonly string[] = []): readonly string[] {
  return [`SET ROLE ${[name, ...further].join(', ')}`, `SET profile = '${name}'`]
}

function configuration(users: string, merges: boolean): string {
  return (
    element('users_config', text(users)) +
    element('backups', element('allowed_path', '/')) +
    (merges ? '' : element('merge_tree', NO_MERGES))
  )
}

function usersXml(roles: readonly EngineRole[]): string {
  const everything: EngineRole = {
    name: EVERYTHING,
    grants: ['GRANT ALL ON *.* WITH GRANT OPTION'],
    maximums: new Map(),
  }
  const all = [everything, ...roles]
  const profiles = roles.map(({ name, maximums }) => element(name, element('constraints', constraints(maximums))))
  const user = [
    '<no_password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>',
    grants([`GRANT ${all.map(({ name }) => name).join(', ')}`]),
  ]
  return element(
    'clickhouse',
    element('profiles', `<default/>${profiles.join('')}`) +
      element('roles', all.map((role) => element(role.name, grants(role.grants))).join('')) +
      element('users', element('default', user.join(''))) +
      '<quotas><default/></quotas>',
  )
}

function grants(statements: readonly string[]): string {
  return element('grants', statements.map((statement) => element('query', text(statement))).join(''))
}

function constraints(maximums: ReadonlyMap<string, number>): string {
  return [...maximums]
    .map(([name, maximum]) => element(name, element('min', String(minimumOf(name))) + element('max', String(maximum))))
    .join('')
}

/** Times may be fractions of a second. */
function minimumOf(setting: string): number {
  return setting.endsWith('_time') ? ABOVE_ZERO : 1
}

const element = (name: string, content: string): string => `<${name}>${content}</${name}>`
const text = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

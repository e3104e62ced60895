import { GatepostError } from '../common/errors.ts'
import { DEFAULT_USER_NAME_RULE, isUserNameRule, type UserNameRule } from '../common/user-name.ts'
import type { Store } from './contract.ts'

/*
 * Table settings keeps by which rule an installation stores user names. The migration that creates the table enters the rule of earlier
 * versions if they have stored names.
 */

/** Null: not decided yet. */
async function kept(store: Pick<Store, 'query'>): Promise<UserNameRule | null> {
  const rows = await store.query<{ value: string }>(
    `SELECT decided.value AS value FROM gatepost.settings AS decided WHERE decided.name = 'user_names'
     ORDER BY decided.decided_at, decided.value LIMIT 1`,
  )
  const value = rows.at(0)?.value
  if (value === undefined) return null
  if (isUserNameRule(value)) return value
  throw new GatepostError(
    'DATA_FORMAT_LATER',
    `user names are stored by the rule ${value}, which this version does not know`,
  )
}

/** The rule by which the names in the tables are written. @throws GatepostError of the store; DATA_FORMAT_LATER */
export async function userNameRule(store: Pick<Store, 'query'>): Promise<UserNameRule> {
  return (await kept(store)) ?? DEFAULT_USER_NAME_RULE
}

/** Decides on a rule, unless there is one. @returns the rule that holds */
export async function decideUserNameRule(
  store: Pick<Store, 'query' | 'command'>,
  rule: UserNameRule,
): Promise<UserNameRule> {
  const before = await kept(store)
  if (before !== null) return before
  await store.command(`INSERT INTO gatepost.settings (name, value) SELECT 'user_names', {rule:String}`, { rule })
  // Another process may have decided at the same time. On a cluster the own row may not be there yet.
  return (await kept(store)) ?? rule
}

import { pseudonymOf, type PseudonymKey } from './pseudonym.ts'
import type { UserNameRule } from '../common/user-name.ts'
import type { Store } from '../store/contract.ts'
import { spellings, type Person } from './person.ts'

/** Values, beyond those in the request, by which rows of a person are found. */
export interface Traces {
  /** Serial numbers of the user's certificates that post_auth still holds. */
  readonly serials: readonly string[]
  /** Pseudonyms of the names or the MAC in login_history; empty if the key is unknown. */
  readonly pseudonyms: readonly string[]
  /** Pseudonyms of the certificates. */
  readonly serialPseudonyms: readonly string[]
}

/** @param key of the pseudonyms; null: unknown, so login_history is not searched */
export async function tracesOf(
  store: Pick<Store, 'query'>,
  person: Person,
  rule: UserNameRule,
  key: PseudonymKey | null,
): Promise<Traces> {
  const names = spellings(person, rule)
  const found =
    person.kind !== 'user'
      ? []
      : await store.query<{ serial: string }>(
          `SELECT DISTINCT p.cert_serial AS serial FROM gatepost.post_auth AS p
            WHERE p.ssl_username IN {names:Array(String)} AND p.cert_serial != ''`,
          { names },
        )
  const serials = found.map(({ serial }) => serial)
  return {
    serials,
    pseudonyms: person.kind === 'writer' ? [] : await pseudonymsOf(store, names, key),
    serialPseudonyms: await pseudonymsOf(store, serials, key),
  }
}

/** Empty if the key is unknown. */
export async function pseudonymsOf(
  store: Pick<Store, 'query'>,
  values: readonly string[],
  key: PseudonymKey | null,
): Promise<string[]> {
  if (key === null || values.length === 0) return []
  const rows = await store.query<{ pseudonym: string }>(
    `SELECT ${pseudonymOf('known.value')} AS pseudonym FROM (SELECT arrayJoin({values:Array(String)}) AS value) AS known`,
    { ...key, values },
  )
  return rows.map(({ pseudonym }) => pseudonym)
}

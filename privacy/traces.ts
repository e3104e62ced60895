import { pseudonymOf, type PseudonymKey } from './pseudonym.ts'
import type { Store } from '../store/contract.ts'
import { spellings, type Person } from './person.ts'

/** What rows of a person are found by that is not written in the request. */
export interface Traces {
  /** Serial numbers of the user's certificates, of those that post_auth still knows. */
  readonly serials: readonly string[]
  /** Of the names or of the MAC in login_history; none where their key is not known. */
  readonly pseudonyms: readonly string[]
  /** The same of the certificates. */
  readonly serialPseudonyms: readonly string[]
}

/** @param key of the pseudonyms; null: it is not known, and nobody is looked for in login_history */
export async function tracesOf(store: Pick<Store, 'query'>, person: Person, key: PseudonymKey | null): Promise<Traces> {
  const names = spellings(person)
  const found =
    person.kind === 'mac'
      ? []
      : await store.query<{ serial: string }>(
          `SELECT DISTINCT p.cert_serial AS serial FROM gatepost.post_auth AS p
            WHERE p.ssl_username IN {names:Array(String)} AND p.cert_serial != ''`,
          { names },
        )
  const serials = found.map(({ serial }) => serial)
  return {
    serials,
    pseudonyms: await pseudonymsOf(store, names, key),
    serialPseudonyms: await pseudonymsOf(store, serials, key),
  }
}

async function pseudonymsOf(
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

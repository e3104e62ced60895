import type { PseudonymKey } from './pseudonym.ts'
import type { UserNameRule } from '../common/user-name.ts'
import type { Store } from '../store/contract.ts'
import { deleteRows, type RowCounts } from './delete-rows.ts'
import { ErasedSubjects } from './erased.ts'
import { forgetReported } from './forget-reported.ts'
import { hashesOf, type Person } from './person.ts'
import { placesOf } from './places.ts'
import { tracesOf } from './traces.ts'

type Tables = Pick<Store, 'query' | 'command'>

/** The SQL endpoint of the embedded store recognises this statement too. */
const DONE_MUTATIONS = `KILL MUTATION WHERE database = 'gatepost' AND is_done`

/** Dead letters processed together, with their identities in one statement. */
const LETTERS = 500

/**
 * Stores the person's hashes before anything is deleted, so that no late record is stored meanwhile. @returns the time, ms since the epoch
 */
export async function keepHashes(
  store: Tables,
  keys: readonly string[],
  person: Person,
  rule: UserNameRule,
): Promise<number> {
  const at = await storeNow(store)
  for (const hash of hashesOf(keys, person, rule)) {
    await store.command(
      `INSERT INTO gatepost.erased_subjects (hash, kind, erased_at)
        SELECT {hash:String}, {kind:String}, fromUnixTimestamp64Milli({at:Int64})`,
      { hash, kind: person.kind, at },
    )
  }
  return at
}

/** The store's clock, ms since the epoch. */
export async function storeNow(store: Tables): Promise<number> {
  const [{ ms }] = await store.query<{ ms: string }>('SELECT toString(toUnixTimestamp64Milli(now64(3))) AS ms')
  return Number(ms)
}

/** A filter of records as if the person had been erased at `at`. */
export function filterOf(keys: readonly string[], person: Person, rule: UserNameRule, at: number): ErasedSubjects {
  const hashes = hashesOf(keys, person, rule).map((hash) => ({ hash, ms: at }))
  return new ErasedSubjects(hashes, keys, rule)
}

export interface Forgetting {
  /** By which user names are stored. */
  readonly rule: UserNameRule
  readonly erased: ErasedSubjects
  /** When the person was erased, ms since the epoch. */
  readonly at: number
  /** The key of the pseudonyms in login_history; null: unknown. */
  readonly pseudonyms: PseudonymKey | null
  readonly dryRun: boolean
}

/** Removes the person's rows from every table; with `dryRun` only counts them. @returns the rows found, by table */
export async function forgetInTables(
  store: Tables,
  person: Person,
  { rule, erased, at, pseudonyms, dryRun }: Forgetting,
): Promise<RowCounts> {
  const found: RowCounts =
    person.kind === 'writer' ? await forgetReported(store, person.value, { at, pseudonyms, dryRun }) : {}
  const { params, places } = placesOf(person, rule, at, await tracesOf(store, person, rule, pseudonyms))
  for (const place of places) {
    found[place.table] = (found[place.table] ?? 0) + (await deleteRows(store, place, params, dryRun))
  }
  // The words of a payload name people, not writers.
  if (person.kind !== 'writer') found['dead_letters'] = await forgetLetters(store, erased, at, dryRun)
  return found
}

/**
 * Removes finished mutations from the engine's list: it keeps the text of a hundred, which names the person.
 * @throws GatepostError STORE_REFUSED: the user lacks the right
 */
export function forgetMutations(store: Pick<Store, 'command'>): Promise<void> {
  return store.command(DONE_MUTATIONS)
}

interface Letter {
  readonly ms: string
  readonly payload: string
  readonly batch: string
  readonly place: number
}

/** A payload is free text: every word of it is checked, as a replay does. */
async function forgetLetters(store: Tables, erased: ErasedSubjects, at: number, dryRun: boolean): Promise<number> {
  let count = 0
  let after = { batch: '', place: -1 }
  for (;;) {
    const letters = await store.query<Letter>(
      `SELECT toString(toUnixTimestamp64Milli(d.received_at)) AS ms, d.payload AS payload, toString(d.batch_id) AS batch,
        d.batch_index AS place
      FROM gatepost.dead_letters AS d
      WHERE (toString(d.batch_id), d.batch_index) > ({batch:String}, {place:Int32}) AND d.received_at <= fromUnixTimestamp64Milli({at:Int64})
      ORDER BY toString(d.batch_id), d.batch_index LIMIT ${LETTERS}`,
      { ...after, at },
    )
    const named = letters.filter(({ ms, payload }) =>
      erased.concerns('dead_letters', { received_at: Number(ms), payload }),
    )
    count += named.length
    if (named.length > 0 && !dryRun) {
      await store.command(
        `ALTER TABLE gatepost.dead_letters DELETE
          WHERE concat(toString(batch_id), '/', toString(batch_index)) IN {letters:Array(String)} SETTINGS mutations_sync = 2`,
        { letters: named.map(({ batch, place }) => `${batch}/${place}`) },
      )
    }
    const last = letters.at(-1)
    if (last === undefined || letters.length < LETTERS) return count
    after = { batch: last.batch, place: last.place }
  }
}

import { GatepostError } from '../../common/errors.ts'
import { insertRows, type TableStore } from '../table-store.ts'
import type { Location } from './parse.ts'

const TABLE = 'gatepost.ip_locations'
/** Filled first, in as many statements as it takes, where nobody reads. One name: an import that was killed leaves no litter. */
const STAGE = 'gatepost.ip_locations_import'

/**
 * Makes these the only locations, in one step: a reader sees the old ones or the new ones. Fails without having
 * changed anything.
 * PRECONDITION: every ip once.
 */
export async function replaceLocations(store: TableStore, locations: readonly Location[]): Promise<void> {
  await store.command(`CREATE OR REPLACE TABLE ${STAGE} AS ${TABLE}`)
  try {
    await insertRows(store, STAGE, locations)
    await assertStaged(store, locations.length)
    // The table is not partitioned: its one partition is everything.
    await store.command(`ALTER TABLE ${TABLE} REPLACE PARTITION tuple() FROM ${STAGE}`)
  } finally {
    await store.command(`DROP TABLE IF EXISTS ${STAGE} SYNC`)
  }
}

/** Two imports at once share the stage: then neither finds just its own rows. */
async function assertStaged(store: TableStore, expected: number): Promise<void> {
  const [staged] = await store.query<{ rows: string; addresses: string }>(
    `SELECT count() AS rows, uniqExact(ip) AS addresses FROM ${STAGE}`,
  )
  if (Number(staged.rows) === expected && Number(staged.addresses) === expected) return
  throw new GatepostError(
    'STORE_UNAVAILABLE',
    `${staged.rows} locations arrived of ${expected}; if another import is running, try again after it`,
  )
}

/** In the order of the addresses. */
export async function listLocations(store: TableStore): Promise<Location[]> {
  const rows = await store.query<{ ip: string; location_id: string; name: string }>(
    `SELECT ip, location_id, name FROM ${TABLE} FINAL ORDER BY toIPv6OrDefault(ip), ip`,
  )
  return rows.map(({ ip, location_id, name }) => ({ ip, location_id: Number(location_id), name }))
}

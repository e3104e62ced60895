import { randomBytes } from 'node:crypto'
import { insertRows, type TableStore } from '../../store/table-store.ts'
import type { Location } from './parse.ts'

const TABLE = 'gatepost.ip_locations'
const STAGE_PREFIX = 'ip_locations_import_'

/**
 * Replaces all locations in one atomic step: readers see the old ones or the new ones. They are first written to a separate table, in
 * several statements if needed; after a failure the old ones remain. Of two concurrent imports the later one wins as a whole.
 * PRECONDITION: each ip occurs once.
 */
export async function replaceLocations(store: TableStore, locations: readonly Location[]): Promise<void> {
  await dropAbandonedStages(store)
  const stage = `gatepost.${STAGE_PREFIX}${randomBytes(6).toString('hex')}`
  await store.command(`CREATE TABLE ${stage} AS ${TABLE}`)
  try {
    await insertRows(store, stage, locations)
    await store.command(`EXCHANGE TABLES ${TABLE} AND ${stage}`)
  } finally {
    await store.command(`DROP TABLE IF EXISTS ${stage} SYNC`)
  }
}

/** Drops tables of imports that were killed. Those of the last hour may still be in use. */
async function dropAbandonedStages(store: TableStore): Promise<void> {
  const stages = await store.query<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = 'gatepost' AND startsWith(name, '${STAGE_PREFIX}')
       AND metadata_modification_time < now() - INTERVAL 1 HOUR`,
  )
  for (const { name } of stages) await store.command(`DROP TABLE IF EXISTS gatepost.${name} SYNC`)
}

/** Ordered by address. */
export async function listLocations(store: TableStore): Promise<Location[]> {
  const rows = await store.query<{ ip: string; location_id: string; name: string }>(
    `SELECT ip, location_id, name FROM ${TABLE} FINAL ORDER BY toIPv6OrDefault(ip), ip`,
  )
  return rows.map(({ ip, location_id, name }) => ({ ip, location_id: Number(location_id), name }))
}

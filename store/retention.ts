import type { Logger } from '../common/logger.ts'
import { DATABASE, type SqlConnection } from './sql.ts'

/*
 * Every table that expires does so by `TTL <time> + toIntervalDay(<days>)`; the migrations write the default number of
 * days. Rows go one by one and not by whole parts (ttl_only_drop_parts): a merged part spans a month, and would keep
 * people's data a month too long.
 */

export const DEFAULT_RETENTION_DAYS = 32

const TTL = / TTL (.+?) \+ toIntervalDay\((\d+)\)/

/** Makes the tables expire after this many days. A shorter retention rewrites old parts, in the background. */
export async function applyRetention(sql: SqlConnection, days: number, logger: Logger): Promise<void> {
  const tables = await sql.rows<{ name: string; engine_full: string }>(
    `SELECT name, engine_full FROM system.tables WHERE database = '${DATABASE}' AND engine_full LIKE '% TTL %'`,
  )
  for (const { name, engine_full } of tables) {
    const ttl = TTL.exec(engine_full)
    if (!ttl || Number(ttl[2]) === days) continue
    await sql.run(`ALTER TABLE ${DATABASE}.${name} MODIFY TTL ${ttl[1]} + toIntervalDay(${days})`)
    logger.info({ table: name, days, before: Number(ttl[2]) }, 'retention changed')
  }
}

import type { Stream } from '../../schemas/streams/index.ts'
import type { Ownership } from '../contract.ts'
import { DATABASE, quoted, type SqlConnection } from '../sql.ts'

const OWNERSHIPS = `${DATABASE}.partition_claims`

/**
 * An SQL condition that is true while each of these ownerships has the newest epoch. A scalar subquery: the engine evaluates it once, before
 * the statement reads or writes a row.
 */
export function areNewest(ownerships: readonly Ownership[]): string {
  const parts = ownerships.map(({ stream, partition }) => `(${quoted(stream)}, ${quoted(partition)})`)
  const held = ownerships.map(
    ({ stream, partition, epoch, owner }) =>
      `(${quoted(stream)}, ${quoted(partition)}, toUInt64(${epoch}), ${quoted(owner)})`,
  )
  return (
    `(SELECT countIf((topic, partition, epoch, owner) IN (${held.join(', ')})) FROM ` +
    `(SELECT toString(topic) AS topic, partition, max(newest).1 AS epoch, max(newest).2 AS owner FROM ${OWNERSHIPS} ` +
    `WHERE (topic, partition) IN (${parts.join(', ')}) GROUP BY topic, partition)) = ${ownerships.length}`
  )
}

/** Evaluates the condition now. */
export async function holds(sql: SqlConnection, ownerships: readonly Ownership[]): Promise<boolean> {
  const [row] = await sql.rows<{ held: number }>(`SELECT ${areNewest(ownerships)} AS held`)
  return Number(row.held) === 1
}

/**
 * A statement that takes ownership with the next epoch for `owner`. With `previous`: only if that has the newest epoch. Two concurrent
 * statements may write the same epoch: the greater owner id wins.
 */
export function nextOwnership(stream: Stream, partition: string, owner: string, previous: Ownership | null): string {
  const condition =
    previous === null
      ? ''
      : ` HAVING (max(newest).1, max(newest).2) = (toUInt64(${previous.epoch}), ${quoted(previous.owner)})`
  return (
    `INSERT INTO ${OWNERSHIPS} (topic, partition, newest) SETTINGS async_insert = 0 ` +
    `SELECT ${quoted(stream)}, ${quoted(partition)}, tuple(max(newest).1 + 1, ${quoted(owner)}, now64(3, 'UTC')) ` +
    `FROM ${OWNERSHIPS} WHERE topic = ${quoted(stream)} AND partition = ${quoted(partition)}${condition}`
  )
}

/** The current owner and epoch of a part; null: none. */
export async function newestOwnership(
  sql: SqlConnection,
  stream: Stream,
  partition: string,
): Promise<Ownership | null> {
  const [row] = await sql.rows<{ epoch: string; owner: string }>(
    `SELECT max(newest).1 AS epoch, max(newest).2 AS owner FROM ${OWNERSHIPS} ` +
      `WHERE topic = ${quoted(stream)} AND partition = ${quoted(partition)}`,
  )
  const epoch = Number(row.epoch)
  return epoch === 0 ? null : { stream, partition, epoch, owner: row.owner }
}

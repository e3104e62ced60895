import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../../common/errors.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Ownership } from '../contract.ts'
import { newestOwnership, nextOwnership } from '../exactly-once/ownership.ts'
import { quoted, type SqlConnection } from '../sql.ts'
import { INSERT_ID_PREFIX } from './inserter.ts'

/**
 * Time limits when taking ownership: how long running inserts may continue before they are killed, and how long they may then take to end.
 */
export interface FencePatience {
  readonly killAfterMs: number
  readonly giveUpAfterMs: number
}

export const FENCE_PATIENCE: FencePatience = { killAfterMs: 10_000, giveUpAfterMs: 30_000 }
const POLL_MS = 50

/**
 * Makes `owner` the newest owner of a part of the log. When it returns, no insert of an earlier epoch runs, and none will write: an insert
 * that starts later checks the epoch before anything else, and one that checked earlier was running by then and has been waited for.
 * @throws GatepostError STORE_FENCED, STORE_UNAVAILABLE
 */
export async function takeOwnership(
  sql: SqlConnection,
  owner: string,
  stream: Stream,
  partition: string,
  previous: Ownership | null,
  patience: FencePatience = FENCE_PATIENCE,
): Promise<Ownership> {
  const before = previous === null ? null : await newestOwnership(sql, stream, partition)
  if (previous !== null && !continues(before, previous, owner)) throw fenced(stream, partition)
  await sql.run(nextOwnership(stream, partition, owner, before))
  const newest = await newestOwnership(sql, stream, partition)
  if (newest === null || newest.owner !== owner || (previous !== null && newest.epoch <= previous.epoch)) {
    throw fenced(stream, partition)
  }
  await waitForInserts(sql, patience)
  return newest
}

/** No other process has taken ownership since; this one may have, with a statement whose answer was lost. */
function continues(newest: Ownership | null, previous: Ownership, owner: string): boolean {
  if (newest === null || newest.owner !== previous.owner) return false
  return newest.epoch === previous.epoch || (previous.owner === owner && newest.epoch > previous.epoch)
}

/**
 * Waits for all running inserts, into any table: dead letters are inserted under the ownerships of another stream. Inserts that start
 * meanwhile are not waited for.
 */
async function waitForInserts(sql: SqlConnection, { killAfterMs, giveUpAfterMs }: FencePatience): Promise<void> {
  const started = performance.now()
  let left = await runningInserts(sql)
  let killed = false
  while (left.size > 0) {
    const waited = performance.now() - started
    if (waited > giveUpAfterMs) {
      throw new GatepostError(
        'STORE_UNAVAILABLE',
        `inserts of an earlier ownership do not end: ${[...left].join(', ')}`,
      )
    }
    if (waited > killAfterMs && !killed) {
      killed = true
      for (const id of left) await sql.run(`KILL QUERY WHERE query_id = ${quoted(id)} ASYNC`)
    }
    await sleep(POLL_MS)
    const running = await runningInserts(sql)
    left = new Set([...left].filter((id) => running.has(id)))
  }
}

async function runningInserts(sql: SqlConnection): Promise<Set<string>> {
  const rows = await sql.rows<{ query_id: string }>(
    `SELECT query_id FROM system.processes WHERE startsWith(query_id, '${INSERT_ID_PREFIX}')`,
  )
  return new Set(rows.map((row) => row.query_id))
}

function fenced(stream: Stream, partition: string): GatepostError {
  return new GatepostError('STORE_FENCED', `another owner has taken ownership of partition ${partition} of ${stream}`)
}

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../../common/errors.ts'
import { command, copy, rows, type Side } from './side.ts'
import { hoursOf, ofHour, type HourSum, type MovedTable, type Span } from './tables.ts'

/** A piece of a table that is sent with one insert. */
const PIECE_ROWS = 200_000
const INSERT_ID = 'gatepost-migrate-'
const ATTEMPTS = 3

export interface Ends {
  readonly from: Side
  readonly to: Side
  readonly progress: (what: string) => void
}

/**
 * Copies the hours of a table that are not the same on both sides. An hour that was copied in part is deleted first, so it may be interrupted
 * anywhere, and repeated.
 * @returns rows that were copied
 * @throws GatepostError STORE_INCONSISTENT: they do not become the same
 */
export async function copyHours({ from, to, progress }: Ends, table: MovedTable, span: Span): Promise<number> {
  let copied = 0
  const wanted = await hoursOf(from, table, span)
  for (let attempt = 0; ; attempt++) {
    const there = await hoursOf(to, table, span)
    const hours = new Set([...wanted.keys(), ...there.keys()])
    const different = [...hours].filter((hour) => !isSame(wanted.get(hour), there.get(hour))).sort((a, b) => a - b)
    if (different.length === 0) return copied
    if (attempt === ATTEMPTS) {
      const what = `${table.name}: ${different.length} hours are not the same after ${ATTEMPTS} copies`
      throw new GatepostError('STORE_INCONSISTENT', `${what}: something else writes there`)
    }
    await whenNoneInserts(to)
    for (const [index, hour] of different.entries()) {
      progress(`${table.name}: hour ${index + 1} of ${different.length}`)
      const condition = ofHour(table, hour, span)
      if (there.has(hour)) await command(to, `DELETE FROM gatepost.${table.name} WHERE ${condition}`)
      const count = wanted.get(hour)?.rows ?? 0
      if (count > 0) await copyPieces({ from, to, progress }, table, condition, count)
      copied += count
    }
  }
}

function isSame(one: HourSum | undefined, other: HourSum | undefined): boolean {
  return one?.rows === other?.rows && one?.hash === other?.hash
}

/**
 * Copies a table that merges its rows, whole: what is there came from views, or from an interrupted copy, and may name people who were
 * forgotten since.
 * @returns rows that were copied
 */
export async function copyWhole(ends: Ends, table: MovedTable): Promise<number> {
  ends.progress(table.name)
  await whenNoneInserts(ends.to)
  await command(ends.to, `TRUNCATE TABLE gatepost.${table.name}`)
  const [{ n }] = await rows<{ n: string }>(ends.from, `SELECT toString(count()) AS n FROM gatepost.${table.name}`)
  if (Number(n) > 0) await copyPieces(ends, table, '1', Number(n))
  return Number(n)
}

async function copyPieces({ from, to }: Ends, table: MovedTable, where: string, count: number): Promise<void> {
  const pieces = Math.ceil(count / PIECE_ROWS)
  const columns = table.columns.join(', ')
  for (let piece = 0; piece < pieces; piece++) {
    const part = pieces === 1 ? '' : ` AND cityHash64(${table.key}) % ${pieces} = ${piece}`
    await copy(
      from,
      `SELECT ${columns} FROM gatepost.${table.name} WHERE ${where}${part}`,
      to,
      `INSERT INTO gatepost.${table.name} (${columns})`,
      INSERT_ID + randomUUID(),
    )
  }
}

/** An insert of an earlier run may still be running on the server. */
async function whenNoneInserts(to: Side): Promise<void> {
  for (;;) {
    const [{ n }] = await rows<{ n: string }>(
      to,
      `SELECT toString(count()) AS n FROM system.processes WHERE startsWith(query_id, '${INSERT_ID}')`,
    )
    if (Number(n) === 0) return
    await sleep(500)
  }
}

import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { until } from '../helpers/until.ts'

const PAGE_BYTES = 4096

/** Resident memory of processes, MiB; null: this system does not say (it is not Linux). */
export function residentMiB(pids: readonly number[]): number | null {
  if (process.platform !== 'linux') return null
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]))
  return (pages.reduce((sum, count) => sum + count, 0) * PAGE_BYTES) / 2 ** 20
}

/**
 * Waits until the memory of processes is back to what it was.
 * @param before after a first attack of the kind: caches and code are in memory then
 */
export async function assertMemoryReturns(t: Test, pids: readonly number[], before: number | null): Promise<void> {
  if (before === null) return
  const most = before * 1.25 + 96
  const returned = await until(() => (residentMiB(pids) as number) <= most)
  t.ok(returned, `${residentMiB(pids)} MiB after the attack, ${before} MiB before`)
}

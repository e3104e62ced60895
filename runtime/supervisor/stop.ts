import type { Logger } from '../../common/logger.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { RecordLog } from './record-log.ts'

/**
 * Stops the workers first, so that the log is complete when the store process drains it. Killing a worker loses nothing: acknowledged
 * records are in the log or in its slot, which is recovered here.
 * @returns bytes that stay on this machine's disk, and whether every worker ended by itself
 */
export async function stopWorkers(
  workers: readonly ManagedProcess[],
  log: RecordLog,
  withinMs: number,
): Promise<[left: number, finished: boolean]> {
  const finished = await Promise.all(workers.map((worker) => worker.stop(withinMs, false)))
  return [withinMs > 0 ? await log.settle() : 0, finished.every(Boolean)]
}

/** @returns whether nothing is left */
export function reportLeft(bytes: number, logger: Logger): boolean {
  if (bytes === 0) return true
  logger.error(
    { event: 'spill.left', bytes },
    `spill: Kafka could not be reached in time; ${bytes} bytes of acknowledged records stay in the spill for the next start`,
  )
  return false
}

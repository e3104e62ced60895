import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { lockDirectory } from '../../common/directory-lock.ts'
import type { Logger } from '../../common/logger.ts'
import { existingSlots, parseSegmentName, SLOT_LOCK, slotDirectory } from '../../log/journal/layout.ts'
import { recoverSlot } from '../../log/journal/recover.ts'

/** A worker of a killed instance may still hold a slot beyond this instance's workers; it ends by itself. */
const ORPHAN_WAIT_MS = 15_000

/** Slots that no worker of this instance uses, left from a run with more workers. */
export function orphanSlots(directory: string, workers: number): number[] {
  return existingSlots(directory).filter((slot) => slot >= workers)
}

/** Seals open segments in slots whose worker has ended. */
export async function recoverSlots(directory: string, slots: readonly number[], logger: Logger): Promise<void> {
  for (const number of slots) {
    const slot = slotDirectory(directory, number)
    const lock = await lockDirectory(slot, SLOT_LOCK, ORPHAN_WAIT_MS)
    await recoverSlot(slot, logger)
    await lock.release()
  }
}

/** Bytes of the segments in all slots: acknowledged records that are not stored yet. */
export function waitingBytes(directory: string): number {
  let bytes = 0
  for (const slot of existingSlots(directory)) {
    const path = slotDirectory(directory, slot)
    for (const name of readdirSync(path)) {
      if (parseSegmentName(name) === null) continue
      bytes += statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0
    }
  }
  return bytes
}

import { setTimeout as sleep } from 'node:timers/promises'

/** Whether it holds within a minute. */
export async function until(holds: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await holds().catch(() => false)) return true
    await sleep(100)
  }
  return false
}

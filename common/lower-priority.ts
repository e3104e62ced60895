import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * Gives this process at least this nice value (0 is normal, 19 the lowest priority). One that has a higher one already, since it was started with
 * nice(1), keeps it: going back takes a right that only root has.
 */
export function lowerPriority(nice: number): void {
  let lowered: number
  do {
    lowered = threads().filter((thread) => lowerThread(thread, nice)).length
    // Again: a thread that one of them made meanwhile may have inherited the earlier value.
  } while (lowered > 0)
}

/**
 * Linux gives each thread a value of its own, which those inherit that it makes: Node.js has made some before any of our code runs, and
 * the engine's come from them. Where there is no such list the process has one value (0: this one).
 */
function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number)
  } catch {
    return [0]
  }
}

/** @returns whether it was higher */
function lowerThread(thread: number, nice: number): boolean {
  try {
    if (getPriority(thread) >= nice) return false
    setPriority(thread, nice)
    return true
  } catch (error) {
    const { info } = error as { info?: { code?: string } }
    if (info?.code !== 'ESRCH') throw error
    return false // It has ended.
  }
}

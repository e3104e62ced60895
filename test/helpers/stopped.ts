import type { ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './until.ts'

/** Ends a process at once, as a crash does. */
export async function endAtOnce(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null) return
  child.kill('SIGKILL')
  await until(() => child.exitCode !== null || child.signalCode !== null)
}

/**
 * Resolves when a process that SIGSTOP was sent to has stopped: on a busy machine its threads run on for some milliseconds, long enough for
 * an answer. Where there is no /proc, nobody can tell, and it resolves at once.
 */
export async function whenStopped(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`) && !threadStates(pid).every((state) => state === 'T')) await sleep(1)
}

function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      // "pid (name) state …"; a name may contain anything.
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      return [stat.charAt(stat.lastIndexOf(')') + 2)]
    } catch {
      return [] // The thread has ended.
    }
  })
}

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'

/*
 * What a process that runs for long takes from itself before it starts its children, which inherit it.
 */

/** Says what an operator should change about how this process was started, and switches core dumps off. */
export function harden(logger: Logger): void {
  if (process.getuid?.() === 0) {
    logger.warn('running as root: set GATEPOST_USER to a user that may write to the data directory, or start it as one')
  }
  disableCoreDumps(logger)
}

/** A core dump would hold passwords and people's names. Linux only: elsewhere the limit that the process was started with stays. */
function disableCoreDumps(logger: Logger): void {
  if (!mayDump(readLimits())) return
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    logger.warn({ error: messageOf(error) }, 'core dumps cannot be switched off: start it with `ulimit -c 0`')
  }
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

function mayDump(limits: string): boolean {
  return /^Max core file size\s+(?!0\s)/m.test(limits)
}

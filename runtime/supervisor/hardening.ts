import { execFileSync } from 'node:child_process'
import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { readLimits, softLimit } from '../../common/process-limits.ts'

/*
 * What a process that runs for long takes from itself before it starts its children, which inherit it.
 */

/** Says what an operator should change about how this process was started, and switches core dumps off. */
export function harden(logger: Logger): void {
  if (process.getuid?.() === 0) {
    logger.warn(
      { event: 'process.root' },
      'running as root: set GATEPOST_USER to a user that may write to the data directory, or start it as one',
    )
  }
  disableCoreDumps(logger)
}

/** A core dump would hold passwords and people's names. Linux only: elsewhere the limit that the process was started with stays. */
function disableCoreDumps(logger: Logger): void {
  const limit = softLimit(readLimits(), 'Max core file size')
  if (limit === undefined || limit === 0) return
  try {
    execFileSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    logger.warn(
      { event: 'process.core_dumps', error: messageOf(error) },
      'core dumps cannot be switched off: start it with `ulimit -c 0`',
    )
  }
}

import { readLimits, softLimit } from './process-limits.ts'

/** What is assumed where the limit cannot be read. */
const UNKNOWN = 1024

/** How many descriptors this process may have open (`ulimit -n`; Node.js raises the soft limit to the hard one at its start). */
export function openFilesLimit(): number {
  return softLimit(readLimits(), 'Max open files') ?? reported() ?? UNKNOWN
}

/** Elsewhere Node.js knows it; making the whole report takes some milliseconds. */
function reported(): number | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = userLimits?.open_files?.soft
  if (soft === 'unlimited') return Infinity
  return typeof soft === 'number' ? soft : undefined
}

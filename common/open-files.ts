import { readFileSync } from 'node:fs'

/** What is assumed where the limit cannot be read. */
const UNKNOWN = 1024

/** How many descriptors this process may have open (`ulimit -n`; Node.js raises the soft limit to the hard one at its start). */
export function openFilesLimit(): number {
  return parseLimits(readLimits()) ?? reported() ?? UNKNOWN
}

/** Linux has the limit in a file. */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** @returns undefined: the text does not say */
export function parseLimits(text: string): number | undefined {
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(text) ?? []
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/** Elsewhere Node.js knows it; making the whole report takes some milliseconds. */
function reported(): number | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = userLimits?.open_files?.soft
  if (soft === 'unlimited') return Infinity
  return typeof soft === 'number' ? soft : undefined
}

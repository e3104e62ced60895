import { LOG_EVENTS } from '../../common/log-events.ts'

const LEVELS: Readonly<Record<number, keyof typeof LOG_EVENTS>> = {
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

const MAC = /\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b/i

/**
 * What is wrong with the lines that a process logged: an event that docs/logs.md does not list at this level, or a device's MAC at level info
 * or above. Empty: nothing. Lines that are no JSON are not of the logger.
 */
export function wrongLogLines(output: string): string[] {
  return output.split('\n').filter((line) => {
    if (!line.startsWith('{"level":')) return false
    let entry: { level: number; event?: string }
    try {
      entry = JSON.parse(line) as typeof entry
    } catch {
      // The process was killed while it wrote.
      return false
    }
    const level = LEVELS[entry.level]
    return !Object.hasOwn(LOG_EVENTS[level] ?? {}, entry.event ?? '') || (entry.level >= 30 && MAC.test(line))
  })
}

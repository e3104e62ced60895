import { readFileSync } from 'node:fs'

/** The limits of this process, as Linux writes them; empty: another system. */
export function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** A soft limit in that text, such as that of 'Max open files'. @returns undefined: the text does not say */
export function softLimit(text: string, name: string): number | undefined {
  const line = text.split('\n').find((line) => line.startsWith(`${name} `))
  const [, soft] = /^\s+(\d+|unlimited)/.exec(line?.slice(name.length) ?? '') ?? []
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}

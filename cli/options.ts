import { GatepostError } from '../common/errors.ts'
import { normalMac } from '../common/mac.ts'

/* Values of options that several commands take. Each throws GatepostError INPUT_INVALID. */

const MAX_LINES = 100_000

export function lineLimit(text: string): number {
  const lines = Number(text)
  if (Number.isInteger(lines) && lines >= 1 && lines <= MAX_LINES) return lines
  throw new GatepostError('INPUT_INVALID', `--limit ${text}: allowed is a whole number, 1 to ${MAX_LINES}`)
}

/** In the normal form. */
export function macOption(option: string, text: string): string {
  const mac = normalMac(text)
  if (mac === '') throw new GatepostError('INPUT_INVALID', `${option} ${text}: not a MAC, such as 50:a6:7f:84:9c:d1`)
  return mac
}

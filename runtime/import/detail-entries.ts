import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/*
 * Entries of FreeRADIUS's detail files: a line with a date, a line with a tab for each attribute, an empty line.
 *
 *	Sun Nov 29 10:00:00 2026
 *		Acct-Status-Type = Start
 *		User-Name = "bob"
 *		Timestamp = 1795946400
 */

export interface DetailEntry {
  /** Of its first attribute, from 1. */
  readonly line: number
  /** Its lines, which make it this entry and no other. */
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
  /** What is wrong with it; null: nothing. */
  readonly problem: string | null
}

/** A RADIUS packet has at most 4,096 bytes, and the files for Gatepost write an attribute as three times its bytes. */
const MAX_LINE = 16 * 1024
const MAX_ATTRIBUTES = 512

const ATTRIBUTE = /^\t([A-Za-z0-9_.:-]+) [:+]?= (?:"(.*)"|'(.*)'|(.*))$/

/** @throws the file system's error */
export async function* detailEntries(path: string): AsyncGenerator<DetailEntry> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  let number = 0
  let attributes: Record<string, string> = {}
  let own: string[] = []
  let first = 0
  let problem: string | null = null
  const entry = (): DetailEntry | null => {
    const made = own.length === 0 ? null : { line: first, text: own.join('\n'), attributes, problem }
    attributes = {}
    own = []
    problem = null
    return made
  }
  for await (const line of lines) {
    number++
    if (!line.startsWith('\t')) {
      const made = entry()
      if (made !== null) yield made
      continue
    }
    if (own.length === 0) first = number
    const found = line.length > MAX_LINE ? null : ATTRIBUTE.exec(line)
    if (own.length === MAX_ATTRIBUTES) problem ??= `line ${number}: more than ${MAX_ATTRIBUTES} attributes`
    else own.push(line.slice(0, MAX_LINE))
    if (found === null) problem ??= `line ${number}: not an attribute and its value`
    else attributes[found[1]] = found[2] === undefined ? (found[3] ?? found[4]) : unescaped(found[2])
  }
  const last = entry()
  if (last !== null) yield last
}

/** As FreeRADIUS writes text between double quotes: bytes beyond ASCII as they are, or as three octal digits. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  const bytes: Buffer[] = []
  for (const [part, octal, other] of text.matchAll(/\\([0-7]{3})|\\(.)|[^\\]+/gs)) {
    if (octal !== undefined) bytes.push(Buffer.from([parseInt(octal, 8) & 255]))
    else if (other !== undefined)
      bytes.push(Buffer.from(({ n: '\n', r: '\r', t: '\t' } as Record<string, string>)[other] ?? other))
    else bytes.push(Buffer.from(part))
  }
  return Buffer.concat(bytes).toString('utf8')
}

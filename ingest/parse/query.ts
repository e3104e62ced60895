import { MAX_EXTRA_PARAMETERS, MAX_NAME_CHARACTERS, MAX_QUERY_CHARACTERS } from '../limits.ts'
import { assignsCredential, isCredential } from './credentials.ts'

/*
 * Query strings as gateways send them (application/x-www-form-urlencoded):
 *
 *  query = pair *( "&" pair )      pair = name [ "=" value ]
 *
 * "+" is a space, %XX is a byte of UTF-8, and a "%" without two hex digits stands for itself. Of several values the last one wins.
 */

const AMPERSAND = 0x26
const EQUALS = 0x3d
const PERCENT = 0x25
const PLUS = 0x2b

/** Decodes one name or value. */
export function formDecode(raw: string): string {
  if (!raw.includes('%')) return raw.replaceAll('+', ' ')
  const bytes = Buffer.from(raw, 'utf8')
  let out = 0
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (byte === PERCENT) {
      const value = hexPair(bytes[index + 1], bytes[index + 2])
      if (value >= 0) {
        bytes[out++] = value
        index += 2
        continue
      }
    }
    bytes[out++] = byte === PLUS ? 0x20 : byte
  }
  return bytes.toString('utf8', 0, out)
}

function hexPair(high: number | undefined, low: number | undefined): number {
  if (high === undefined || low === undefined) return -1
  const text = String.fromCharCode(high, low)
  return /^[0-9a-fA-F]{2}$/.test(text) ? parseInt(text, 16) : -1
}

/** Why a request holds more than a gateway sends. */
export interface Oversize {
  readonly reason: 'too_many_parameters' | 'field_too_long'
  readonly error: string
}

interface Name {
  readonly text: string
  readonly slot: number
}

/**
 * The values of known and unknown parameters, as ranges of text: parse() allocates no object, and no string unless a value is escaped.
 * One instance is reused for all requests of a route.
 */
export class QueryFields {
  readonly #byLength: (readonly Name[])[] = []
  readonly #byName = new Map<string, number>()
  readonly #names: readonly (readonly [string, number])[]
  readonly #secretSlot: number
  /** Slot i's value is texts[i][starts[i]..ends[i]); starts[i] < 0: not sent. */
  readonly texts: string[]
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Unknown parameters: name and value of the i-th one are at 2 i and 2 i + 1. */
  readonly extraTexts: string[] = []
  readonly extraStarts = new Int32Array(MAX_EXTRA_PARAMETERS * 2)
  readonly extraEnds = new Int32Array(MAX_EXTRA_PARAMETERS * 2)
  extras = 0
  /** Characters of all names and values. */
  length = 0
  #tooMany = false
  #tooLong = false
  readonly #limits: readonly number[]

  /**
   * `limits`: the characters that each slot may have. `names`: pairs of a parameter's name and its slot; several names may share a slot.
   * `secretSlot`: the slot of a credential, which describe() omits.
   */
  constructor(limits: readonly number[], names: readonly (readonly [string, number])[], secretSlot = -1) {
    const slots = limits.length
    this.#limits = limits
    this.#names = names
    this.#secretSlot = secretSlot
    this.texts = new Array<string>(slots).fill('')
    this.starts = new Int32Array(slots)
    this.ends = new Int32Array(slots)
    for (const [text, slot] of names) {
      this.#byLength[text.length] = [...(this.#byLength[text.length] ?? []), { text, slot }]
      this.#byName.set(text, slot)
    }
  }

  has(slot: number): boolean {
    return this.starts[slot] >= 0
  }

  /** Whether the value is absent or empty. */
  blank(slot: number): boolean {
    return this.starts[slot] < 0 || this.starts[slot] === this.ends[slot]
  }

  /** The value as a new string; empty if it was not sent. */
  text(slot: number): string {
    return this.has(slot) ? this.texts[slot].slice(this.starts[slot], this.ends[slot]) : ''
  }

  /** Forgets the parameters of the last request. */
  clear(): void {
    this.starts.fill(-1)
    this.extras = 0
    this.length = 0
    this.#tooMany = false
    this.#tooLong = false
  }

  /** Sets a parameter that is not part of a query, as if a query had it; without what is too long: see oversize(). */
  set(name: string, value: string): void {
    const length = this.length + name.length + value.length
    if (length > MAX_QUERY_CHARACTERS) {
      this.#tooLong = true
      return
    }
    this.length = length
    this.#decodedPair(name, value)
  }

  /** Of a query that is longer than MAX_QUERY_CHARACTERS only the beginning is read: see oversize(). */
  parse(query: string): void {
    this.clear()
    this.#tooLong = query.length > MAX_QUERY_CHARACTERS
    const length = this.#tooLong ? MAX_QUERY_CHARACTERS : query.length
    this.length = length
    let nameStart = 0
    let nameEnd = -1
    let escaped = false
    let assigns = false
    for (let index = 0; index <= length; index++) {
      const code = index < length ? query.charCodeAt(index) : AMPERSAND
      if (code === AMPERSAND) {
        if (index > nameStart) this.#pair(query, nameStart, nameEnd < 0 ? index : nameEnd, index, escaped, assigns)
        nameStart = index + 1
        nameEnd = -1
        escaped = false
        assigns = false
      } else if (code === EQUALS) {
        if (nameEnd < 0) nameEnd = index
        else assigns = true
      } else if (code === PERCENT || code === PLUS) escaped = true
    }
  }

  /** Why the record of this request would be incomplete or too large; null: it is neither. */
  oversize(): Oversize | null {
    if (this.#tooLong) {
      return { reason: 'field_too_long', error: `the parameters have more than ${MAX_QUERY_CHARACTERS} characters` }
    }
    if (this.#tooMany) {
      return {
        reason: 'too_many_parameters',
        error: `more than ${MAX_EXTRA_PARAMETERS} unknown parameters, which no gateway sends`,
      }
    }
    for (let slot = 0; slot < this.#limits.length; slot++) {
      if (this.exceeds(slot)) {
        const name = this.#names.find(([, of]) => of === slot)?.[0]
        return { reason: 'field_too_long', error: `${name} has more than ${this.#limits[slot]} characters` }
      }
    }
    for (let at = 0; at < this.extras * 2; at += 2) {
      if (this.extraEnds[at] - this.extraStarts[at] > MAX_NAME_CHARACTERS) {
        const error = `the name of a parameter has more than ${MAX_NAME_CHARACTERS} characters`
        return { reason: 'field_too_long', error }
      }
    }
    return null
  }

  /** Whether the value is longer than its slot allows. */
  exceeds(slot: number): boolean {
    return this.starts[slot] >= 0 && this.ends[slot] - this.starts[slot] > this.#limits[slot]
  }

  /** The parameters without credentials, as a query string: for dead letters. Each name and value is cut after `characters`. */
  describe(characters = Infinity): string {
    const cut = (text: string) => (text.length > characters ? text.slice(0, characters) : text)
    const sent = new URLSearchParams()
    const told = new Set<number>([this.#secretSlot])
    for (const [name, slot] of this.#names) {
      if (this.has(slot) && !told.has(slot)) sent.append(name, cut(this.text(slot)))
      told.add(slot)
    }
    for (let at = 0; at < this.extras * 2; at += 2) {
      sent.append(cut(this.#extraText(at)), cut(this.#extraText(at + 1)))
    }
    return sent.toString()
  }

  #extraText(at: number): string {
    return this.extraTexts[at].slice(this.extraStarts[at], this.extraEnds[at])
  }

  /** Moves a value that does not fit the type of its slot to the extra parameters, as sent. */
  demote(slot: number, name: string): void {
    if (this.has(slot)) this.#extra(name, 0, name.length, this.texts[slot], this.starts[slot], this.ends[slot])
    this.starts[slot] = -1
  }

  /** Sets the value of a slot to another one than was sent. */
  replace(slot: number, value: string): void {
    this.texts[slot] = value
    this.starts[slot] = 0
    this.ends[slot] = value.length
  }

  #pair(query: string, nameStart: number, nameEnd: number, end: number, escaped: boolean, assigns: boolean): void {
    const valueStart = Math.min(nameEnd + 1, end)
    if (escaped || assigns) {
      this.#decodedPair(formDecode(query.slice(nameStart, nameEnd)), formDecode(query.slice(valueStart, end)))
      return
    }
    const slot = this.#slot(query, nameStart, nameEnd)
    if (slot >= 0) {
      this.texts[slot] = query
      this.starts[slot] = valueStart
      this.ends[slot] = end
    } else this.#extra(query, nameStart, nameEnd, query, valueStart, end)
  }

  #decodedPair(name: string, sent: string): void {
    const slot = this.#byName.get(name)
    const value = slot !== this.#secretSlot && assignsCredential(sent) ? '' : sent
    if (slot !== undefined) {
      this.texts[slot] = value
      this.starts[slot] = 0
      this.ends[slot] = value.length
    } else this.#extra(name, 0, name.length, value, 0, value.length)
  }

  #slot(query: string, start: number, end: number): number {
    const names = this.#byLength[end - start]
    if (names === undefined) return -1
    next: for (const name of names) {
      const text = name.text
      for (let index = 0; index < text.length; index++) {
        if (query.charCodeAt(start + index) !== text.charCodeAt(index)) continue next
      }
      return name.slot
    }
    return -1
  }

  #extra(name: string, nameStart: number, nameEnd: number, value: string, valueStart: number, valueEnd: number): void {
    if (isCredential(name.slice(nameStart, nameEnd))) return
    if (this.extras === MAX_EXTRA_PARAMETERS) {
      this.#tooMany = true
      return
    }
    const at = this.extras++ * 2
    this.extraTexts[at] = name
    this.extraStarts[at] = nameStart
    this.extraEnds[at] = nameEnd
    this.extraTexts[at + 1] = value
    this.extraStarts[at + 1] = valueStart
    this.extraEnds[at + 1] = valueEnd
  }
}

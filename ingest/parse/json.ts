import { repaired } from './utf8-repair.ts'

/*
 * Scans a JSON object (RFC 8259) in place for the values of known keys, as ranges of the body's bytes. Accepts everything that JSON.parse
 * accepts: escapes, any order, repeated keys (the last one wins), unknown keys, nested values, white space. Stores ranges only; strings with
 * escapes are decoded when they are asked for.
 */

/** Kinds of values of a known key. ABSENT: not sent, or null. */
export const ABSENT = 0
/** A string without escapes: its bytes are the range. */
export const PLAIN = 1
/** A string with escapes, or with bytes beyond ASCII, whose UTF-8 must be checked: decode the range. */
export const ENCODED = 2
/** A number or boolean: its JSON text is the range. */
export const OTHER = 3
/** An object or an array: no field of a record holds one, so it has no text. */
export const NESTED = 4

/** Deeper nesting is refused: a RADIUS server sends no nested values at all. */
const MAX_DEPTH = 512

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

class JsonSyntaxError extends Error {}

interface Key {
  readonly bytes: Buffer
  readonly slot: number
}

export class JsonFields {
  /** The body of the last parse(). */
  bytes: Uint8Array = new Uint8Array(0)
  readonly kinds: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly #byLength: (readonly Key[])[] = []
  readonly #byName = new Map<string, number>()
  #at = 0
  #end = 0

  constructor(keys: readonly string[]) {
    this.kinds = new Uint8Array(keys.length)
    this.starts = new Int32Array(keys.length)
    this.ends = new Int32Array(keys.length)
    keys.forEach((name, slot) => {
      const bytes = Buffer.from(name)
      this.#byLength[bytes.length] = [...(this.#byLength[bytes.length] ?? []), { bytes, slot }]
      this.#byName.set(name, slot)
    })
  }

  /**
   * Scans a body.
   * @returns null if it is an object; otherwise what is wrong and where, or NOT_AN_OBJECT for other JSON.
   */
  parse(bytes: Uint8Array): string | null {
    this.bytes = bytes
    this.kinds.fill(ABSENT)
    this.#at = 0
    this.#end = bytes.length
    try {
      // A byte order mark is not JSON, but refusing the record would lose it.
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3
      this.#space()
      if (bytes[this.#at] !== OPEN_BRACE) {
        this.#value()
        this.#finish()
        return NOT_AN_OBJECT
      }
      this.#topLevel()
      this.#finish()
      return null
    } catch (error) {
      if (error instanceof JsonSyntaxError) return error.message
      throw error
    }
  }

  /** Whether the key is missing, or its value is null, an object, an array or an empty string. */
  blank(slot: number): boolean {
    const kind = this.kinds[slot]
    return kind === ABSENT || kind === NESTED || this.starts[slot] === this.ends[slot]
  }

  /** The value as text: strings decoded, anything else as its JSON text. Lone surrogates and broken UTF-8 become U+FFFD; UTF-8 that was written
   * as Latin-1 is decoded. */
  text(slot: number): string {
    const kind = this.kinds[slot]
    if (kind === ABSENT || kind === NESTED) return ''
    return kind === ENCODED
      ? repaired(this.#decode(this.starts[slot], this.ends[slot]))
      : this.#utf8(this.starts[slot], this.ends[slot])
  }

  /** Whether an object or an array is the value of a known key. */
  get nested(): boolean {
    return this.kinds.includes(NESTED)
  }

  /** The first slot whose JSON text has more bytes than `limits` allows; -1: none has. */
  overlong(limits: readonly number[]): number {
    for (let slot = 0; slot < limits.length; slot++) {
      if (this.kinds[slot] !== ABSENT && this.ends[slot] - this.starts[slot] > limits[slot]) return slot
    }
    return -1
  }

  #utf8(start: number, end: number): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('utf8')
  }

  /** A string's content with its escapes resolved; the scan has validated them. */
  #decode(start: number, end: number): string {
    const text = this.#utf8(start, end)
    return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
  }

  #topLevel(): void {
    this.#at++
    this.#space()
    if (this.bytes[this.#at] === CLOSE_BRACE) {
      this.#at++
      return
    }
    for (;;) {
      const slot = this.#key()
      const start = this.#at
      const first = this.bytes[start]
      if (first === QUOTE) {
        const kind = this.#string()
        if (slot >= 0) {
          this.kinds[slot] = kind
          this.starts[slot] = start + 1
          this.ends[slot] = this.#at - 1
        }
      } else {
        this.#value()
        if (slot >= 0) {
          const nested = first === OPEN_BRACE || first === OPEN_BRACKET
          this.kinds[slot] = nested ? NESTED : first === 0x6e ? ABSENT : OTHER
          this.starts[slot] = start
          this.ends[slot] = this.#at
        }
      }
      this.#space()
      const next = this.bytes[this.#at++]
      if (next === CLOSE_BRACE) return
      if (next !== COMMA) this.#fail('"," or "}"', this.#at - 1)
      this.#space()
    }
  }

  /** Scans a key, the colon and the space around it. @returns the key's slot, -1 for an unknown key. */
  #key(): number {
    const start = this.#at + 1
    if (this.bytes[this.#at] !== QUOTE) this.#fail('a key in quotes', this.#at)
    const kind = this.#string()
    const slot =
      kind === PLAIN ? this.#slot(start, this.#at - 1) : (this.#byName.get(this.#decode(start, this.#at - 1)) ?? -1)
    this.#space()
    if (this.bytes[this.#at++] !== COLON) this.#fail('":"', this.#at - 1)
    this.#space()
    return slot
  }

  #slot(start: number, end: number): number {
    const keys = this.#byLength[end - start]
    if (keys === undefined) return -1
    next: for (const key of keys) {
      for (let index = 0; index < key.bytes.length; index++)
        if (this.bytes[start + index] !== key.bytes[index]) continue next
      return key.slot
    }
    return -1
  }

  /** Scans a string from its opening quote to just after its closing quote. */
  #string(): number {
    const bytes = this.bytes
    let index = this.#at + 1
    let kind = PLAIN
    for (;;) {
      const byte = bytes[index]
      if (byte === QUOTE && index < this.#end) break
      if (byte === BACKSLASH) {
        kind = ENCODED
        index = this.#escape(index + 1)
        continue
      }
      if (index >= this.#end) this.#fail('the end of a string', index)
      if (byte < 0x20) this.#fail('no control character in a string', index)
      if (byte > 0x7f) kind = ENCODED
      index++
    }
    this.#at = index + 1
    return kind
  }

  #escape(index: number): number {
    const code = this.bytes[index]
    if (code === 0x75) {
      for (let digit = 1; digit <= 4; digit++)
        if (!isHex(this.bytes[index + digit])) this.#fail('four hex digits', index + digit)
      return index + 5
    }
    if (index >= this.#end || !'"\\/bfnrt'.includes(String.fromCharCode(code))) this.#fail('an escape', index)
    return index + 1
  }

  /** Scans any value. Ranges of nested values are not stored, so all that is needed is a stack of closing brackets. */
  #value(): void {
    const closers: number[] = []
    for (;;) {
      this.#space()
      const byte = this.bytes[this.#at]
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (closers.length === MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} levels`, this.#at)
        const closer = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET
        this.#at++
        this.#space()
        if (this.bytes[this.#at] !== closer) {
          closers.push(closer)
          if (closer === CLOSE_BRACE) this.#key()
          continue
        }
        this.#at++
      } else this.#scalar(byte)
      if (this.#close(closers)) return
    }
  }

  /** Called after a value: consumes the closing brackets that follow. @returns whether the outermost value is complete. */
  #close(closers: number[]): boolean {
    for (;;) {
      const closer = closers.at(-1)
      if (closer === undefined) return true
      this.#space()
      const byte = this.bytes[this.#at++]
      if (byte === closer) {
        closers.pop()
        continue
      }
      if (byte !== COMMA) this.#fail('"," or a closing bracket', this.#at - 1)
      this.#space()
      if (closer === CLOSE_BRACE) this.#key()
      return false
    }
  }

  #scalar(byte: number): void {
    if (byte === QUOTE) this.#string()
    else if (byte === 0x74) this.#literal('true')
    else if (byte === 0x66) this.#literal('false')
    else if (byte === 0x6e) this.#literal('null')
    else this.#number()
  }

  #literal(word: string): void {
    for (let index = 0; index < word.length; index++) {
      if (this.bytes[this.#at + index] !== word.charCodeAt(index)) this.#fail('a value', this.#at)
    }
    this.#at += word.length
  }

  /** number = [ "-" ] int [ frac ] [ exp ] */
  #number(): void {
    const bytes = this.bytes
    const start = this.#at
    let index = start
    if (bytes[index] === 0x2d) index++
    if (bytes[index] === 0x30) index++
    else index = this.#digits(index, start)
    if (bytes[index] === 0x2e) index = this.#digits(index + 1, start)
    if (bytes[index] === 0x65 || bytes[index] === 0x45) {
      index++
      if (bytes[index] === 0x2b || bytes[index] === 0x2d) index++
      index = this.#digits(index, start)
    }
    this.#at = index
  }

  #digits(index: number, start: number): number {
    const first = index
    while (this.bytes[index] >= 0x30 && this.bytes[index] <= 0x39) index++
    if (index === first) this.#fail('a value', start)
    return index
  }

  #space(): void {
    const bytes = this.bytes
    let byte = bytes[this.#at]
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++this.#at]
  }

  #finish(): void {
    this.#space()
    if (this.#at < this.#end) this.#fail('nothing after the value', this.#at)
  }

  #fail(expected: string, at: number): never {
    throw new JsonSyntaxError(
      at >= this.#end ? `expected ${expected}, but the body ends` : `expected ${expected} at byte ${at}`,
    )
  }
}

/** What parse() returns for JSON that is not an object. */
export const NOT_AN_OBJECT = 'not an object'

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
}

/**
 * A write position in a reused buffer, with the primitive encodings of Avro's binary form (Avro specification 1.11, "Binary Encoding"): int
 * and long are zigzag varints, string is a long and UTF-8 bytes, double is 8 bytes little-endian.
 *
 * PRECONDITION: the caller has checked, once per record, that the whole record fits; nothing here checks bounds.
 */
export class Cursor {
  readonly bytes: Buffer
  readonly #view: DataView
  position = 0

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
    this.#view = new DataView(this.bytes.buffer)
  }

  byte(value: number): void {
    this.bytes[this.position++] = value
  }

  /** int or long from 0 to 2^53 - 1. */
  uint(value: number): void {
    const bytes = this.bytes
    let position = this.position
    if (value < 0x40000000) {
      let zigzag = value << 1
      while (zigzag > 0x7f) {
        bytes[position++] = (zigzag & 0x7f) | 0x80
        zigzag >>>= 7
      }
      bytes[position++] = zigzag
    } else {
      let zigzag = value * 2
      while (zigzag > 0x7f) {
        bytes[position++] = (zigzag % 0x80) | 0x80
        zigzag = Math.floor(zigzag / 0x80)
      }
      bytes[position++] = zigzag
    }
    this.position = position
  }

  /** int or long of small magnitude, positive or negative. */
  int(value: number): void {
    let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
    while (zigzag > 0x7f) {
      this.bytes[this.position++] = (zigzag & 0x7f) | 0x80
      zigzag >>>= 7
    }
    this.bytes[this.position++] = zigzag
  }

  /** An unsigned 64-bit integer as the long with the same bits. */
  uint64(value: bigint): void {
    const signed = BigInt.asIntN(64, value)
    let zigzag = BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n))
    while (zigzag > 0x7fn) {
      this.bytes[this.position++] = Number(zigzag & 0x7fn) | 0x80
      zigzag >>= 7n
    }
    this.bytes[this.position++] = Number(zigzag)
  }

  double(value: number): void {
    this.#view.setFloat64(this.position, value, true)
    this.position += 8
  }

  boolean(value: boolean): void {
    this.bytes[this.position++] = value ? 1 : 0
  }

  emptyString(): void {
    this.bytes[this.position++] = 0
  }

  /** Any string; lone surrogates become U+FFFD, as in Buffer and avsc. */
  string(value: string): void {
    const length = value.length
    if (length < 64) {
      const bytes = this.bytes
      let position = this.position
      bytes[position++] = length << 1
      let index = 0
      for (; index < length; index++) {
        const code = value.charCodeAt(index)
        if (code > 0x7f) break
        bytes[position++] = code
      }
      if (index === length) {
        this.position = position
        return
      }
    }
    this.uint(Buffer.byteLength(value))
    this.position += this.bytes.write(value, this.position, 'utf8')
  }

  /** text[start..end), which is mostly ASCII. */
  slice(text: string, start: number, end: number): void {
    const length = end - start
    if (length >= 64) {
      this.string(text.slice(start, end))
      return
    }
    const bytes = this.bytes
    let position = this.position
    bytes[position++] = length << 1
    for (let index = start; index < end; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) {
        this.string(text.slice(start, end))
        return
      }
      bytes[position++] = code
    }
    this.position = position
  }

  /** A string whose UTF-8 bytes are source[start..end). */
  stringBytes(source: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.uint(length)
    const bytes = this.bytes
    let position = this.position
    // MEASURED: below about 50 bytes a loop is faster than calling the native copy.
    if (length < 48) for (let index = start; index < end; index++) bytes[position++] = source[index]
    else {
      bytes.set(source.subarray(start, end), position)
      position += length
    }
    this.position = position
  }
}

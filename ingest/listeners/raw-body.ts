/** A chunk's length in hexadecimal, with or without extensions: a longer line is none. */
const LINE_MAX_BYTES = 256
const CHUNK_LENGTH = /^([0-9a-fA-F]{1,8})[ \t]*(?:;[^]*)?$/

/** A body whose head Node.js could not parse (RFC 9112, 6 and 7.1). Bytes after its end are not read. */
export class RawBody {
  /** Bytes of the body, or of the present chunk, that have not come yet. */
  #left: number
  readonly #chunked: boolean
  /** What the chunked body goes on with: a chunk's length, its bytes, the line end after them, or the lines after the last chunk. */
  #expects: 'length' | 'bytes' | 'end of chunk' | 'trailer'
  #line = ''
  ended = false

  private constructor(length: number, chunked: boolean) {
    this.#left = length
    this.#chunked = chunked
    this.#expects = chunked ? 'length' : 'bytes'
    this.ended = !chunked && length === 0
  }

  /** @returns null: the length is stated in no valid way, or in two */
  static of({
    'content-length': length,
    'transfer-encoding': encoding,
  }: NodeJS.Dict<string | string[]>): RawBody | null {
    if (encoding !== undefined)
      return length === undefined && String(encoding).toLowerCase() === 'chunked' ? new RawBody(0, true) : null
    if (length === undefined) return new RawBody(0, false)
    return /^\d{1,15}$/.test(String(length)) ? new RawBody(Number(length), false) : null
  }

  /** @returns parts of the body; null: these are no chunks */
  take(packet: Buffer): Buffer[] | null {
    const parts: Buffer[] = []
    let at = 0
    while (at < packet.length && !this.ended) {
      if (this.#expects === 'bytes') {
        const part = packet.subarray(at, at + this.#left)
        parts.push(part)
        at += part.length
        this.#left -= part.length
        if (this.#left > 0) break
        if (this.#chunked) this.#expects = 'end of chunk'
        else this.ended = true
        continue
      }
      const lineEnd = packet.indexOf('\n', at)
      this.#line += packet.toString('latin1', at, lineEnd < 0 ? packet.length : lineEnd)
      if (this.#line.length > LINE_MAX_BYTES) return null
      if (lineEnd < 0) break
      at = lineEnd + 1
      const line = this.#line.replace(/\r$/, '')
      this.#line = ''
      if (!this.#endLine(line)) return null
    }
    return parts
  }

  #endLine(line: string): boolean {
    if (this.#expects === 'length') {
      const match = CHUNK_LENGTH.exec(line)
      if (match === null) return false
      this.#left = parseInt(match[1], 16)
      this.#expects = this.#left === 0 ? 'trailer' : 'bytes'
      return true
    }
    if (this.#expects === 'end of chunk') {
      this.#expects = 'length'
      return line === ''
    }
    this.ended = line === ''
    return true
  }
}

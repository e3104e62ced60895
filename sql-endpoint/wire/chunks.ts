/** Bytes that come in pieces, which are joined only when they are needed as a whole: joining at each piece takes quadratic time. */
export class Chunks {
  #parts: Buffer[]
  length: number

  constructor(first: Buffer = Buffer.alloc(0)) {
    this.#parts = [first]
    this.length = first.length
  }

  add(part: Buffer): void {
    this.#parts.push(part)
    this.length += part.length
  }

  /** All of them. */
  whole(): Buffer {
    const whole = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = [whole]
    return whole
  }

  /** Drops the first so many bytes. */
  drop(bytes: number): void {
    this.#parts = [this.whole().subarray(bytes)]
    this.length -= bytes
  }
}

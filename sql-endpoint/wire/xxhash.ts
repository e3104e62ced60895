const PRIME = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1] as const
const STRIPE = 16

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

/** xxHash32 with seed 0 of bytes that come in pieces (xxHash specification, section "XXH32"). */
export class XxHash32 {
  readonly #lanes = Int32Array.of(PRIME[0] + PRIME[1], PRIME[1], 0, -PRIME[0])
  /** The beginning of a stripe that is not complete. */
  readonly #rest = Buffer.alloc(STRIPE)
  #held = 0
  #length = 0

  update(bytes: Buffer): void {
    this.#length += bytes.length
    let at = 0
    if (this.#held > 0) {
      at = Math.min(STRIPE - this.#held, bytes.length)
      bytes.copy(this.#rest, this.#held, 0, at)
      this.#held += at
      if (this.#held < STRIPE) return
      this.#stripe(this.#rest, 0)
      this.#held = 0
    }
    for (; at + STRIPE <= bytes.length; at += STRIPE) this.#stripe(bytes, at)
    this.#held = bytes.copy(this.#rest, 0, at)
  }

  digest(): number {
    const [a, b, c, d] = this.#lanes
    let hash = this.#length >= STRIPE ? rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18) : PRIME[4]
    hash = (hash + this.#length) | 0
    let at = 0
    for (; at + 4 <= this.#held; at += 4) {
      hash = Math.imul(rotated(hash + Math.imul(this.#rest.readInt32LE(at), PRIME[2]), 17), PRIME[3])
    }
    for (; at < this.#held; at++) {
      hash = Math.imul(rotated(hash + Math.imul(this.#rest.readUInt8(at), PRIME[4]), 11), PRIME[0])
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME[1])
    hash = Math.imul(hash ^ (hash >>> 13), PRIME[2])
    return (hash ^ (hash >>> 16)) >>> 0
  }

  #stripe(bytes: Buffer, at: number): void {
    for (let lane = 0; lane < 4; lane++) {
      const mixed = this.#lanes[lane] + Math.imul(bytes.readInt32LE(at + 4 * lane), PRIME[1])
      this.#lanes[lane] = Math.imul(rotated(mixed, 13), PRIME[0])
    }
  }
}

export function xxHash32(bytes: Buffer): number {
  const hash = new XxHash32()
  hash.update(bytes)
  return hash.digest()
}

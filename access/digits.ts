/** Numbers of any size as text, in a system with the given digits. */
export class Digits {
  readonly #digits: string
  readonly #values: ReadonlyMap<string, bigint>
  readonly #base: bigint

  constructor(digits: string) {
    this.#digits = digits
    this.#values = new Map([...digits].map((digit, value) => [digit, BigInt(value)]))
    this.#base = BigInt(digits.length)
  }

  /** Left-padded with zeros to `characters`. PRECONDITION: `characters` are enough. */
  write(number: bigint, characters: number): string {
    let rest = number
    let text = ''
    for (let index = 0; index < characters; index++) {
      text = this.#digits[Number(rest % this.#base)] + text
      rest /= this.#base
    }
    return text
  }

  /** Null: other characters. */
  read(text: string): bigint | null {
    let number = 0n
    for (const digit of text) {
      const value = this.#values.get(digit)
      if (value === undefined) return null
      number = number * this.#base + value
    }
    return number
  }
}

import { random } from '../common/random.ts'

/** Chances that a seed repeats. */
export class Chance {
  /** A number in [0, 1). */
  readonly next: () => number

  constructor(seed: number) {
    this.next = random(seed)
  }

  happens(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number, from `from` up to and without `to`. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from))
  }

  pick<T>(items: readonly T[]): T {
    return items[this.whole(0, items.length)]
  }

  /** Mean 1: most are short, a few are long. */
  exponential(): number {
    return -Math.log(1 - this.next())
  }

  /** How many of many rare things happen; `mean` up to some hundred. */
  poisson(mean: number): number {
    const limit = Math.exp(-mean)
    let count = 0
    for (let product = this.next(); product > limit; product *= this.next()) count++
    return count
  }

  mac(prefix: string): string {
    const rest = Array.from({ length: 3 }, () => this.whole(0, 256).toString(16).padStart(2, '0').toUpperCase())
    return `${prefix}-${rest.join('-')}`
  }
}

/** Picks in proportion to weights. */
export class Weighted<T> {
  readonly #items: readonly T[]
  readonly #sums: number[] = []
  readonly total: number

  constructor(items: readonly T[], weight: (item: T) => number) {
    let sum = 0
    for (const item of items) this.#sums.push((sum += weight(item)))
    this.#items = items
    this.total = sum
  }

  /** PRECONDITION: there is an item. */
  pick(chance: Chance): T {
    const at = chance.next() * this.total
    let low = 0
    let high = this.#sums.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sums[middle] > at) high = middle
      else low = middle + 1
    }
    return this.#items[low]
  }
}

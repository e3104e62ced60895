import { random } from '../common/random.ts'

/** Seeded random choices. */
export class Chance {
  /** A number in [0, 1). */
  readonly next: () => number

  constructor(seed: number) {
    this.next = random(seed)
  }

  happens(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number from `from` (inclusive) to `to` (exclusive). */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from))
  }

  pick<T>(items: readonly T[]): T {
    return items[this.whole(0, items.length)]
  }

  /** Exponentially distributed with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.next())
  }

  /** Poisson-distributed; `mean` up to a few hundred. */
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

/** Picks an item with a probability proportional to its weight. */
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

  /** PRECONDITION: there is at least one item. */
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

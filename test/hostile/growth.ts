import { setImmediate as nextTurn } from 'node:timers/promises'
import { pick, random } from '../helpers/random.ts'

/*
 * Measures how the work of a parser grows with its input: twice the input may cost at most LIMIT times the CPU time. Linear work costs twice
 * as much, quadratic work four times; it is measured over two doublings, since one alone is within the noise of garbage collection. The machine may be busy: each measurement is the least of several, and a parser fails only if it is
 * above the limit in every attempt.
 */

/** Code that meets text from outside. */
export interface Parser {
  readonly name: string
  /** Does all the work on an input; its errors are its own business. May return a promise. */
  readonly run: (input: string) => unknown
  /** Pieces that mean something to it: inputs are made of them. */
  readonly pieces: readonly string[]
  /** Characters of the smallest input, the largest has four times as many; default: one of CHARACTERS. Less if the parser refuses longer ones at once, and so does not read them. */
  readonly characters?: number
  /** Wraps what was made of the pieces, such as in the quotes without which nothing would be read. */
  readonly wrap?: (text: string) => string
}

export const LIMIT = 2.5

/** Tried in turn: what grows fast between two of them may be a matter of the allocator. */
const CHARACTERS = [8192, 2048]
const DOUBLINGS = 2
/** Random inputs for each parser, besides those of one piece. */
const RANDOM_INPUTS = 12
/** CPU time that one measurement should take at least, us: clocks and caches make shorter ones uncertain. */
const ENOUGH_US = 2000
const MAX_REPEATS = 2000
const ATTEMPTS = 6
const RUNS = 6
/** The compiler is still at work in the first ones. */
const FEWEST_RUNS = 2

/** An input of any length. */
export interface Input {
  readonly description: string
  readonly of: (characters: number) => string
}

export interface Growth {
  readonly input: string
  /** CPU time of twice the input, as a multiple. */
  readonly factor: number
}

/** The input of this parser whose cost grows fastest, or the first whose cost grows too fast. @param seed chooses the random inputs */
export async function worstGrowth(parser: Parser, seed: number): Promise<Growth> {
  let worst: Growth = { input: '', factor: 0 }
  for (const input of inputsFor(parser, seed)) {
    // Timers and the test runner have their turn between two measurements.
    await nextTurn()
    const factor = await growth(parser, input)
    if (factor > worst.factor) worst = { input: input.description, factor }
    if (factor > LIMIT) break
  }
  return worst
}

/** Each piece repeated, and random sequences of pieces repeated after a random beginning, with a random end. */
export function inputsFor({ pieces }: Parser, seed: number): Input[] {
  const next = random(seed)
  const some = (most: number) =>
    Array.from({ length: Math.floor(next() * (most + 1)) }, () => pick(pieces, next)).join('')
  const inputs = pieces.map((piece) => repeated('', piece, ''))
  for (let count = 0; count < RANDOM_INPUTS; count++) {
    inputs.push(repeated(some(2), pick(pieces, next) + some(3), some(2)))
  }
  return inputs
}

function repeated(begin: string, unit: string, end: string): Input {
  return {
    description: JSON.stringify([begin, unit, end]),
    of: (characters) =>
      begin + unit.repeat(Math.max(1, Math.floor((characters - begin.length - end.length) / unit.length))) + end,
  }
}

/** CPU time of twice the input, as a multiple: the least of several attempts, of which the first below LIMIT is enough. */
export async function growth(parser: Parser, input: Input): Promise<number> {
  const { wrap = (text: string) => text } = parser
  let least = Infinity
  for (let attempt = 0; attempt < ATTEMPTS && least > LIMIT; attempt++) {
    const characters = parser.characters ?? CHARACTERS[attempt % CHARACTERS.length]
    const [small, large] = [wrap(input.of(characters)), wrap(input.of(2 ** DOUBLINGS * characters))]
    const repeats = await enoughRepeats(parser, small)
    let [ofSmall, ofLarge] = [Infinity, Infinity]
    for (let run = 0; run < RUNS; run++) {
      ofSmall = Math.min(ofSmall, await cost(parser, small, repeats))
      ofLarge = Math.min(ofLarge, await cost(parser, large, repeats))
      if (run >= FEWEST_RUNS && perDoubling(ofSmall, ofLarge) <= LIMIT) break
    }
    least = Math.min(least, perDoubling(ofSmall, ofLarge))
  }
  return least
}

function perDoubling(ofSmall: number, ofLarge: number): number {
  return (ofLarge / ofSmall) ** (1 / DOUBLINGS)
}

async function enoughRepeats(parser: Parser, text: string): Promise<number> {
  for (let repeats = 1; ; repeats *= 2) {
    if (repeats >= MAX_REPEATS || (await cost(parser, text, repeats)) >= ENOUGH_US) return repeats
  }
}

/** CPU time of so many runs, us. */
async function cost({ run }: Parser, text: string, repeats: number): Promise<number> {
  const before = process.cpuUsage()
  for (let count = 0; count < repeats; count++) {
    try {
      const result = run(text)
      if (result instanceof Promise) await result
    } catch {
      // A refusal is an answer too.
    }
  }
  const { user, system } = process.cpuUsage(before)
  return Math.max(1, user + system)
}

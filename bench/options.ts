import { parseArgs } from 'node:util'

export interface BenchOptions {
  readonly json: boolean
  /** Of one load. */
  readonly seconds: number
  /** How often every server is loaded in turn. */
  readonly rounds: number
  readonly connections: number
}

/** Enough that a group commit holds what a busy edge sends, few enough that a small machine does not queue. */
const CONNECTIONS = 128

/**
 * The options all benches share; `--help` prints and ends, a wrong option ends with status 2.
 * @param help what the bench asks, and examples
 */
export function benchOptions(help: string, defaults: Partial<BenchOptions> = {}): BenchOptions {
  const { seconds = 5, rounds = 5, connections = CONNECTIONS } = defaults
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        seconds: { type: 'string', default: String(seconds) },
        rounds: { type: 'string', default: String(rounds) },
        connections: { type: 'string', default: String(connections) },
      },
    })
    if (values.help) {
      process.stdout.write(`${help}

Options:
  --seconds N      length of one load (default ${seconds})
  --rounds N       how often every server is loaded in turn (default ${rounds})
  --connections N  keep-alive connections (default ${connections})
  --json           print one JSON document
`)
      process.exit(0)
    }
    return {
      json: values.json,
      seconds: bounded('--seconds', values.seconds, 600),
      rounds: bounded('--rounds', values.rounds, 100),
      connections: bounded('--connections', values.connections, 4096),
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nTry --help.\n`)
    process.exit(2)
  }
}

/** For benches that take --rounds only; `--help` prints and ends, a wrong number ends with status 2. */
export function roundsOptions(help: string, usual: number): { readonly json: boolean; readonly rounds: number } {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(usual) },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    process.exit(0)
  }
  const rounds = Number(values.rounds)
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100)) {
    process.stderr.write('--rounds is a whole number from 1 to 100\n')
    process.exit(2)
  }
  return { json: values.json, rounds }
}

function bounded(name: string, text: string, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new Error(`${name} ${text}: give a whole number from 1 to ${max}`)
  return value
}

/** A line on standard error of what is being done, where somebody watches. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
}

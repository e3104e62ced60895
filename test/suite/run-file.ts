import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageFile } from '../../common/package-root.ts'

/** A file that exceeds its time is asked to say what it waits for, and then has so long for it. */
const LAST_WORDS_MS = 10_000

/** Processes that a test file leaves behind hold its output open: they are not waited for longer than this. */
const OUTPUT_ENDS_MS = 2000

export interface FileResult {
  /** Compiled, below dist/. */
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly milliseconds: number
  /** Where everything that it wrote stands. */
  readonly outputFile: string
}

export interface RunOptions {
  readonly timeoutMs: number
  /** Whether what the file writes is shown as it comes, besides being kept. */
  readonly verbose: boolean
  /** Whether stacks name the lines of the sources instead of dist/'s. MEASURED: costs each file a tenth of a second of CPU. */
  readonly sourceMaps: boolean
  /** What the name of the output's file ends with. */
  readonly outputEnds: '.tap' | '.again.tap'
  /** Variables besides the environment's. */
  readonly env: Readonly<Record<string, string>>
}

/** Groups of processes that run; they go with this one. */
const groups = new Set<number>()

/**
 * Runs one test file in a process of its own: plain Node.js, since what tap's own runner preloads costs each file more than the median
 * file itself. What it starts is in its process group, which ends with it.
 */
export async function runFile(
  file: string,
  { timeoutMs, verbose, sourceMaps, outputEnds, env }: RunOptions,
): Promise<FileResult> {
  const outputFile = packageFile(`.tap/output/${file.replace(/\.js$/, outputEnds)}`)
  mkdirSync(dirname(outputFile), { recursive: true })
  const output = createWriteStream(outputFile)
  const started = performance.now()
  const maps = sourceMaps ? ['--enable-source-maps'] : []
  const child = spawn(process.execPath, [...maps, packageFile(`dist/${file}`)], {
    cwd: packageFile('.'),
    // tap reads these in the test's process. The fixtures stay until the next run of the file: they are removed at a test's end, before
    // its own teardown has ended the processes that still write there.
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(timeoutMs / 1000), TAP_SAVE_FIXTURE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const group = child.pid as number
  groups.add(group)
  const counts = new Counts()
  createInterface({ input: child.stdout }).on('line', (line) => counts.take(line))
  child.stdout.pipe(output, { end: false })
  child.stderr.pipe(output, { end: false })
  if (verbose) {
    child.stdout.pipe(process.stdout, { end: false })
    child.stderr.pipe(process.stderr, { end: false })
  }

  // A file may end well after the alarm, if it comes before tap has begun: its time was exceeded all the same.
  let isOverdue = false
  const alarm = setTimeout(() => {
    isOverdue = true
    child.kill('SIGALRM')
  }, timeoutMs)
  const end = setTimeout(() => signalGroup(group, 'SIGKILL'), timeoutMs + LAST_WORDS_MS)
  const closed = once(child, 'close')
  const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  clearTimeout(alarm)
  clearTimeout(end)
  const enough = new AbortController()
  await Promise.race([closed, sleep(OUTPUT_ENDS_MS, undefined, { signal: enough.signal }).catch(() => {})])
  enough.abort()
  signalGroup(group, 'SIGKILL')
  groups.delete(group)
  const ended = signal === null ? `status ${status}` : `signal ${signal}`
  output.end(`# ended with ${ended}\n`)
  await once(output, 'finish')
  return {
    file,
    ...counts.results(status === 0 && !isOverdue),
    milliseconds: performance.now() - started,
    outputFile,
  }
}

/** Ends every test file that runs, with whatever it has started. */
export function endAll(): void {
  for (const group of groups) signalGroup(group, 'SIGKILL')
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Nobody is left in it.
  }
}

/** What a test file says of itself at its end: "# { total: 9, pass: 8, fail: 1, skip: 0, todo: 0 }". */
class Counts {
  #said: { pass: number; fail: number; skip: number } | null = null
  #left = false

  take(line: string): void {
    if (/^1\.\.0( |$)/.test(line)) this.#left = true
    if (!line.startsWith('# { total: ')) return
    const count = (what: string) => Number(new RegExp(` ${what}: (\\d+)`).exec(line)?.[1] ?? 0)
    this.#said = { pass: count('pass'), fail: count('fail'), skip: count('skip') + count('todo') }
  }

  /** A file that ends without a word, or with a failure that it did not count, has failed. */
  results(ok: boolean): { passed: number; failed: number; skipped: number } {
    const { pass, fail, skip } = this.#said ?? { pass: 0, fail: 0, skip: 0 }
    const skipped = skip === 0 && pass + fail === 0 && this.#left ? 1 : skip
    const wrong = !ok || this.#said === null || pass + fail + skipped === 0
    return { passed: pass, failed: wrong ? Math.max(1, fail) : fail, skipped }
  }
}

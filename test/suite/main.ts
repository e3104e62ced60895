import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { changedSince } from './changes.ts'
import { NoSuchTest, sourceOf, testFiles } from './files.ts'
import { failuresOf, lineOf } from './report.ts'
import { endAll, runFile, type FileResult, type RunOptions } from './run-file.ts'
import { Services } from './services.ts'

/*
 * Runs the tests, as `make test` does:
 *
 *   node dist/test/suite/main.js [--jobs N] [--timeout SECONDS] [--again] [--verbose] [FILE or FOLDER …]
 *
 * Each file is a process; three more than there are cores run at once: some of them do nothing but wait, for minutes.
 * --again    files that failed are run once more, alone: what passes then is unstable, which is neither passed nor failed. It is named, and
 *            its cause is to be found. More than MAX_UNSTABLE of them are a failure.
 * --verbose  what the tests write is shown as it comes
 * Status 1: something failed.
 */

/** On a machine that others use too, a file may meet a minute in which nothing moves. Not more than these. */
const MAX_UNSTABLE = 2

/** Whoever runs so few files is at work on them, and wants stacks of the sources. */
const FEW = 10

/** Names of changed files that are shown. */
const SHOWN = 5

const { values, positionals } = parseArgs({
  options: {
    jobs: { type: 'string', default: String(availableParallelism() + 3) },
    timeout: { type: 'string', default: '600' },
    again: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endAll()
    process.exit(1)
  })
}

function filesOrExit(): string[] {
  try {
    return testFiles(positionals)
  } catch (error) {
    if (!(error instanceof NoSuchTest)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

const services = await Services.start()

/** Runs so many files at once; the first of the list begin first. */
async function runAll(
  files: readonly string[],
  jobs: number,
  more: Pick<RunOptions, 'sourceMaps' | 'outputEnds'>,
): Promise<FileResult[]> {
  const options = { timeoutMs: Number(values.timeout) * 1000, verbose: values.verbose, env: services.env, ...more }
  const results: FileResult[] = []
  const waiting = [...files]
  const runner = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, options)
      results.push(result)
      console.log(lineOf(result))
      if (result.failed > 0) console.log(failuresOf(result))
    }
  }
  await Promise.all(Array.from({ length: jobs }, runner))
  return results
}

try {
  const files = filesOrExit()
  const [started, startedAt] = [performance.now(), Date.now()]
  const results = await runAll(files, Number(values.jobs), { sourceMaps: files.length <= FEW, outputEnds: '.tap' })
  const seconds = Math.round((performance.now() - started) / 1000)
  const failed = results.filter((result) => result.failed > 0).map(({ file }) => file)
  const unstable = new Set<string>()
  if (values.again && failed.length > 0) {
    console.log('what failed is run once more, each file alone')
    const again = await runAll(failed, 1, { sourceMaps: true, outputEnds: '.again.tap' })
    for (const { file } of again.filter((result) => result.failed === 0)) unstable.add(file)
  }
  for (const file of unstable) {
    console.log(`unstable: ${sourceOf(file)} failed, and passed when it was run once more: neither passed nor failed`)
  }
  const changed = changedSince(startedAt)
  if (changed.length > 0) {
    const more = changed.length > SHOWN ? ` and ${changed.length - SHOWN} more` : ''
    console.log(
      `changed during the run, so what failed may be of no one version: ${changed.slice(0, SHOWN).join(', ')}${more}`,
    )
  }
  const failedTwice = failed.filter((file) => !unstable.has(file))
  for (const file of failedTwice) console.log(`failed: ${sourceOf(file)}`)
  const counted = results.filter(({ file }) => !unstable.has(file))
  const sum = (of: 'passed' | 'failed' | 'skipped') => counted.reduce((total, result) => total + result[of], 0)
  const time = `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  console.log(
    `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped in ${results.length} files, ${time}`,
  )
  process.exitCode = failedTwice.length > 0 || unstable.size > MAX_UNSTABLE ? 1 : 0
} finally {
  await services.stop()
}

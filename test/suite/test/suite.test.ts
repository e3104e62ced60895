import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../../common/package-root.ts'
import { isAlive } from '../../helpers/instance.ts'
import { run } from '../../helpers/run.ts'
import { until } from '../../helpers/until.ts'
import { isInstalled } from '../../clients/installed.ts'
import { changedSince } from '../changes.ts'
import { testFiles } from '../files.ts'
import { LONGEST } from '../longest.ts'
import { runFile } from '../run-file.ts'

const fixture = (name: string) => `test/suite/test/fixtures/${name}.test.js`
const options = { timeoutMs: 60_000, verbose: false, sourceMaps: false, outputEnds: '.tap' as const, env: {} }

t.test('files are named as source or as compiled, from anywhere, or by their folder', (t) => {
  const own = ['test/suite/test/suite.test.js']
  t.same(testFiles([packageFile('test/suite/test/suite.test.ts')]), own)
  t.same(testFiles(['test/suite/test/suite.test.ts', 'dist/test/suite/test/suite.test.js'], packageFile('.')), own)
  t.same(testFiles(['test/suite.test.ts'], packageFile('test/suite')), own)
  t.ok(testFiles(['test/suite/test/'], packageFile('.')).includes(own[0]))
  for (const name of ['README.md', 'test/suite/main.ts', 'test/no-such.test.ts', 'docs'])
    t.throws(() => testFiles([name], packageFile('.')), { name: 'Error' }, name)
  t.end()
})

t.test('the whole suite begins with the longest files, and leaves what has a target of its own', (t) => {
  const all = testFiles([])
  t.same(
    all.slice(0, LONGEST.length),
    LONGEST.map((file) => file.replace(/\.ts$/, '.js')),
    'each of them is there',
  )
  t.notOk(all.includes('test/faults/faults.test.js'))
  for (const client of ['python', 'dbt', 'jdbc', 'go'])
    t.equal(all.includes(`test/clients/${client}.test.js`), isInstalled(client), `${client}, if it is installed`)
  t.notOk(all.includes(fixture('fails-once')))
  t.end()
})

t.test('what a test file says at its end is counted', async (t) => {
  t.match(await runFile(fixture('passes'), options), { passed: 2, failed: 0, skipped: 0 })
  t.match(await runFile(fixture('skips'), options), { passed: 0, failed: 0, skipped: 1 })
})

t.test('a file that ends without a word has failed', async (t) => {
  t.match(await runFile(fixture('ends-early'), options), { failed: 1 })
})

t.test('a file that exceeds its time has failed, and takes with it what it started', async (t) => {
  const result = await runFile(fixture('hangs'), { ...options, timeoutMs: 3000 })
  t.ok(result.failed >= 1)
  const [, child] = /# child (\d+)/.exec(readFileSync(result.outputFile, 'utf8')) ?? []
  t.ok(await until(() => !isAlive(Number(child))), 'its group was killed')
})

t.test(
  'what fails, and passes when it is run again, is named as unstable, and is neither passed nor failed',
  async (t) => {
    const env = { ...process.env, SUITE_TEST_MARK: join(t.testdir(), 'mark') }
    const main = [packageFile('dist/test/suite/main.js'), '--again', packageFile(`dist/${fixture('fails-once')}`)]
    const { status, stdout } = await run(process.execPath, main, { env })
    t.equal(status, 0)
    t.match(stdout, /^FAILED .*fails-once.*1 passed, 1 failed$/m)
    t.match(stdout, /not ok 2 - there was a run before/)
    t.match(stdout, /^unstable: test\/suite\/test\/fixtures\/fails-once\.test\.ts failed, and passed/m)
    t.match(stdout, /^0 passed, 0 failed, 0 skipped in 1 files/m)
    const output = (ends: string) =>
      readFileSync(packageFile(`.tap/output/${fixture('fails-once').replace('.js', ends)}`), 'utf8')
    t.match(output('.tap'), 'not ok 2 - there was a run before', 'what it wrote when it failed stays')
    t.notMatch(output('.again.tap'), 'not ok')
  },
)

t.test('files that were written during a run are named', (t) => {
  const before = Date.now()
  const written = packageFile(`dist/test/written-by-${process.pid}`)
  t.teardown(() => rmSync(written))
  writeFileSync(written, '')
  t.ok(changedSince(before - 1000).includes(`dist/test/written-by-${process.pid}`))
  t.notOk(changedSince(Date.now() + 60_000).includes(`dist/test/written-by-${process.pid}`))
  t.end()
})

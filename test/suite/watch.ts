import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { packageFile } from '../../common/package-root.ts'
import { Services } from './services.ts'

/*
 * `make watch`: compiles whatever is saved, and runs tests after each time that all of it compiled: the files or folders that are named as
 * arguments, or else the tests that were saved and those that stand beside what was saved.
 */

const named = process.argv.slice(2)
const services = await Services.start()
/** What was saved since then has not been tested. */
let testedUntil = Date.now()
let compiledFrom = testedUntil
let run: ChildProcess | null = null

const tsc = packageFile('node_modules/typescript/bin/tsc')
const compiler = spawn(process.execPath, [tsc, '-p', 'tsconfig.json', '--watch', '--preserveWatchOutput'], {
  cwd: packageFile('.'),
  stdio: ['ignore', 'pipe', 'inherit'],
})
createInterface({ input: compiler.stdout }).on('line', (line) => {
  if (line.trim() !== '') console.log(line)
  if (/Starting (incremental )?compilation/.test(line)) compiledFrom = Date.now()
  if (/Found 0 errors\b/.test(line)) void test()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    compiler.kill()
    void endRun()
      .then(() => services.stop())
      .then(() => process.exit(0))
  })
}

async function test(): Promise<void> {
  const files = named.length > 0 ? named : testsBeside(savedSince(testedUntil))
  testedUntil = compiledFrom
  if (files.length === 0) return
  await endRun()
  run = spawn(process.execPath, [fileURLToPath(new URL('main.js', import.meta.url)), ...files], {
    cwd: packageFile('.'),
    env: { ...process.env, ...services.env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

/** What is tested is no longer what stands in the files. */
async function endRun(): Promise<void> {
  if (run === null || run.exitCode !== null || run.signalCode !== null) return
  const ended = once(run, 'exit')
  run.kill()
  await ended
}

function savedSince(time: number): string[] {
  return readdirSync(packageFile('.'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(node_modules$|dist$|\.)/.test(entry.name))
    .flatMap(({ name }) =>
      readdirSync(packageFile(name), { recursive: true, encoding: 'utf8' }).map((path) => join(name, path)),
    )
    .filter((path) => path.endsWith('.ts'))
    .filter((path) => (statSync(packageFile(path), { throwIfNoEntry: false })?.mtimeMs ?? 0) > time)
}

/** The test of its own name, or else every test of the folder. */
function testsBeside(sources: readonly string[]): string[] {
  const found = sources.flatMap((source) => {
    if (source.endsWith('.test.ts')) return [source]
    const folder = basename(dirname(source)) === 'test' ? dirname(source) : join(dirname(source), 'test')
    const own = join(folder, basename(source).replace(/\.ts$/, '.test.ts'))
    if (existsSync(packageFile(own))) return [own]
    if (!existsSync(packageFile(folder))) return []
    return readdirSync(packageFile(folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(folder, name))
  })
  return [...new Set(found)]
}

import { runCommandLine } from '../command-line.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from '../../test/helpers/clean-env.ts'

export interface CliResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs bin/gatepost as a person would, with these variables only. Through env(1): the test runner puts its loaders into
 * the NODE_OPTIONS of whatever is started from a test, whatever environment it is given.
 */
export async function runCli(arguments_: readonly string[], env: Record<string, string>): Promise<CliResult> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', packageFile('bin/gatepost'), ...arguments_], {
    env: cleanEnv(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { status, stdout, stderr }
}

/**
 * Runs a command line in this process, which takes a tenth of the time: for what needs no process of its own, as help and what is refused
 * before anything is opened.
 */
export async function runHere(arguments_: readonly string[], env: Record<string, string>): Promise<CliResult> {
  let [stdout, stderr] = ['', '']
  const status = await runCommandLine(arguments_, env, {
    line: (text) => (stdout += `${text}\n`),
    json: (value) => (stdout += `${JSON.stringify(value)}\n`),
    note: (text) => (stderr += `${text}\n`),
  })
  return { status, stdout, stderr }
}

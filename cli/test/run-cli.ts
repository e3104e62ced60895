import type { Command } from 'commander'
import { runCommandLine } from '../command-line.ts'
import { buildProgram } from '../program.ts'
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
 * Runs bin/gatepost as a person would, with only these variables. Through env(1), because the test runner adds its loaders to
 * the NODE_OPTIONS of every process that a test starts, whatever its environment.
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
 * Runs a command line in this process, which takes a tenth of the time. For commands that need no process of their own, such as help, or
 * commands that are refused before they open anything.
 */
export async function runHere(arguments_: readonly string[], env: Record<string, string>): Promise<CliResult> {
  let [stdout, stderr] = ['', '']
  const status = await runCommandLine(arguments_, env, {
    line: (text) => (stdout += `${text}\n`),
    json: (value) => (stdout += `${JSON.stringify(value)}\n`),
    stream: (pieces) => {
      for (const piece of pieces) stdout += piece
      return Promise.resolve()
    },
    note: (text) => (stderr += `${text}\n`),
  })
  return { status, stdout, stderr }
}

/** Commands that {@link runCommand} has run as processes. */
const run = new Set<string>()

/**
 * Runs each command the first time as a person would, and then here: one process is enough to see that it reads its arguments, prints and
 * ends as one.
 */
export function runCommand(arguments_: readonly string[], env: Record<string, string>): Promise<CliResult> {
  let command = programToLookAt()
  for (const word of arguments_) {
    const next = command.commands.find((each) => each.name() === word)
    if (next === undefined) break
    command = next
  }
  const name = `${command.parent?.name() ?? ''} ${command.name()}`
  if (run.has(name)) return runHere(arguments_, env)
  run.add(name)
  return runCli(arguments_, env)
}

/** The command line with its commands and options, not to be run. */
export function programToLookAt(): Command {
  const output = { line: () => {}, json: () => {}, note: () => {}, stream: () => Promise.resolve() }
  return buildProgram({ env: {}, output, version: '', exitStatus: 0 })
}

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

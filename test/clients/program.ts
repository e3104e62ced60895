import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { startHarness } from '../../sql-endpoint/test/harness.ts'
import { until } from '../helpers/until.ts'
import { isInstalled } from './installed.ts'

const ADMIN_PASSWORD = 'admin-password'

/** A program that uses a client of ClickHouse, and prints "ok - step" or "not ok - step: why" for each thing that it does. */
export interface ClientProgram {
  /** As test/clients/install knows it. */
  readonly name: string
  /** With the port and the password of admin to come. */
  readonly command: readonly [string, ...string[]]
}

/**
 * Runs a program against the endpoint as `gatepost serve` has it, and against the form that stands for a server. Where the program is not
 * installed, the test is skipped; in CI it fails.
 */
export function testClient({ name, command }: ClientProgram): void {
  const installed = isInstalled(name)
  const skip = !installed && !process.env['CI'] && `test/clients/install ${name} has not been run`
  for (const actsAsServer of [false, true]) {
    t.test(`${name}, ${actsAsServer ? 'as a server' : 'as gatepost serve'}`, { skip }, async (t) => {
      t.ok(installed, 'it is installed')
      if (installed) await runAgainst(t, command, actsAsServer)
    })
  }
}

async function runAgainst(t: Test, [program, ...given]: ClientProgram['command'], actsAsServer: boolean) {
  // Longer than the test takes: some queries are only ended by their client.
  const limits = { maxExecutionSeconds: 3600 }
  const harness = await startHarness({ adminPassword: ADMIN_PASSWORD, actsAsServer, limits })
  t.teardown(() => harness.close())
  const form = actsAsServer ? 'server' : 'serve'
  const child = spawn(program, [...given, String(harness.endpoint.port), ADMIN_PASSWORD, form], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + String(chunk)).slice(-4000)))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  for await (const line of createInterface({ input: child.stdout })) t.match(line, /^ok - /, line)
  t.equal(await ended, 0, 'the program reached its end', { errors })
  t.ok(await until(() => harness.endpoint.stats().active === 0))
}

import type { Command } from 'commander'
import t from 'tap'
import { programToLookAt, runHere } from './run-cli.ts'

/** Those that run until they are stopped, or print a script. */
const WITHOUT_JSON = ['serve', 'demo', 'ingest', 'aggregator', 'reporter', 'completion', 'complete', 'capacity', 'help']

const program = programToLookAt()

function below(command: Command, path: readonly string[] = []): { path: readonly string[]; command: Command }[] {
  const inner = command.commands.filter((one) => one.name() !== 'help')
  return [{ path, command }, ...inner.flatMap((one) => below(one, [...path, one.name()]))]
}

t.test('every command that ends prints JSON on request', (t) => {
  for (const { path, command } of below(program)) {
    const [first] = path
    if (first === undefined || WITHOUT_JSON.includes(first) || command.commands.length > 0) continue
    t.ok(
      command.options.some(({ long }) => long === '--json'),
      path.join(' '),
    )
  }
  t.end()
})

t.test('help fits the terminal, and shows defaults as people write them', async (t) => {
  for (const { path } of below(program)) {
    const { stdout } = await runHere(['help', ...path], {})
    const [prose] = stdout.split('\nExamples:')
    t.same(
      prose?.split('\n').filter((line) => line.length > 80),
      [],
      path.join(' '),
    )
    t.notMatch(stdout, /default: (?:"|[0-9]{5})/, path.join(' '))
  }
  const { stdout } = await runHere(['help', 'access', 'vouchers', 'create'], {})
  t.match(stdout, /--valid-for <duration>[^-]*default:\s+24h/)
})

t.test('help of a command below another, and of one that is none', async (t) => {
  t.match(
    (await runHere(['help', 'gateways', 'register'], {})).stdout,
    /^Usage: gatepost gateways register \[options\] <gw_id>/,
  )
  t.match(await runHere(['help', 'gateways', 'rename'], {}), { status: 2, stderr: /unknown command 'gateways rename'/ })
})

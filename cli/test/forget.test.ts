import { join } from 'node:path'
import t from 'tap'
import { runHere } from './run-cli.ts'

/* What `gatepost forget` does is in test/installations/forget.test.ts. */

t.test('impossible requests are refused with the reason', async (t) => {
  const env = { GATEPOST_DATA_DIR: join(t.testdir(), 'none') }
  for (const [arguments_, message] of [
    [[], /give one of --user, --mac and --source/],
    [['--user', 'a', '--mac', '02-00-00-00-00-01'], /give one of --user, --mac and --source/],
    [['--mac', 'x'], /--mac x: not a MAC/],
    [['--user', ''], /1 to 256 characters/],
  ] as const) {
    const { status, stderr } = await runHere(['forget', ...arguments_], env)
    t.equal(status, 2)
    t.match(stderr, message)
  }
  t.match((await runHere(['forget', '--help'], env)).stdout, /--dry-run[^]*Examples:/)
})

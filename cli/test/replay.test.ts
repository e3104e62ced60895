import { join } from 'node:path'
import t from 'tap'
import { runHere } from './run-cli.ts'

/* What `gatepost replay` does is in test/installations/replay-archive.test.ts, and of topics in replay.test.ts. */

t.test('impossible requests are refused with the reason', async (t) => {
  const directory = join(t.testdir({ empty: {} }), 'empty')
  const env = { GATEPOST_DATA_DIR: directory }
  const cases: [string[], RegExp][] = [
    [[], /GATEPOST_KAFKA_BROKERS is not set: .*--archive/],
    [['--archive'], /there is no archive at .*empty\/archive: .*GATEPOST_ARCHIVE_MAX_BYTES/],
    [['--topic', 'post-auth'], /Allowed choices are post_auth, /],
    [['--partition', '1'], /--partition needs --topic/],
    [['--archive', '--topic', 'post_auth', '--partition', '1'], /not for --archive/],
    [['--topic', 'post_auth', '--partition', '-1'], /Allowed is a whole number, from 0/],
    [['--topic', 'post_auth', '--from', '5'], /an offset belongs to one partition: give --topic and --partition/],
    [['--archive', '--to', '5'], /an offset belongs to one partition/],
    [['--from', 'yesterday'], /Allowed is an offset, or a UTC time as 2024-02-29T12:00Z/],
    [['--from', '2024-02-31T25:00Z'], /Allowed is an offset, or a UTC time/],
  ]
  for (const [arguments_, message] of cases) {
    const { status, stdout, stderr } = await runHere(['replay', ...arguments_], env)
    t.match(stderr, message, arguments_.join(' '))
    t.equal(status, 2)
    t.equal(stdout, '')
  }
  const help = await runHere(['replay', '--help'], env)
  t.equal(help.status, 0)
  t.match(help.stdout, /--archive[^]*Examples:\n {2}gatepost replay --topic/)
  t.match((await runHere(['--help'], env)).stdout, /replay +insert records of the log that are missing/)
})

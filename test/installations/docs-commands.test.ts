import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { commandsIn, DOCUMENTED_PAGES } from '../helpers/documented-commands.ts'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'

/* The commands of the documentation, run as they stand there, beside a running instance. */

/** What ends otherwise than with 0, and what it then says: it needs what only the reader's installation has. */
const OTHERWISE: readonly (readonly [command: RegExp, status: number, says: RegExp])[] = [
  [/publish monthly/, 2, /publisher s3 is not configured|GATEPOST_PUBLISH/],
  [/replay --topic/, 2, /GATEPOST_/],
  [/replay --archive/, 2, /GATEPOST_ARCHIVE/],
  [/dead-letters (show|replay)/, 2, /no dead letter/],
  [/topics create/, 2, /GATEPOST_KAFKA_BROKERS is not set/],
  [/metrics .* --(date|from) 2024/, 3, /raw data is kept for 32 days/],
  [/accounts import -/, 2, /there is no account in it/],
  [/vouchers revoke/, 2, /there is no voucher/],
  [/ s3:\/\//, 2, /needs AWS_ACCESS_KEY_ID/],
]
/** Those that run until they are stopped; `restore` takes a directory that is new, and is a test of its own. */
const NOT_HERE = /gatepost (?:serve|tail|restore|ingest|aggregator|reporter)\b/

const FILES = {
  'accounts.csv': 'username,created_at\nABCDEF,2024-02-01\n',
  'sites.csv': 'ip,location_id,name\n192.0.2.1,1,Town hall\n',
  'repaired.json': '{"username":"alice"}',
  'sessions.sql': `CREATE TABLE \`sessions\` (
  \`id\` int NOT NULL,
  \`start\` datetime DEFAULT NULL,
  \`siteIP\` char(15) DEFAULT NULL,
  \`username\` char(6) DEFAULT NULL,
  \`success\` tinyint DEFAULT NULL
);
`,
}

t.test('the commands of every page', async (t) => {
  const directory = t.testdir({ ...FILES, bin: {}, backups: {} })
  // The commands find `gatepost` as an installation has it.
  writeFileSync(
    join(directory, 'bin/gatepost'),
    `#!/bin/sh\nexec env -u NODE_OPTIONS '${process.execPath}' '${packageFile('bin/gatepost')}' "$@"\n`,
    { mode: 0o755 },
  )
  const published = join(directory, 'published')
  mkdirSync(published)
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_PUBLISH: 'file',
    // As an installation that takes a dump of the GovWifi logging API.
    GATEPOST_USERNAMES: 'govwifi',
    GATEPOST_PUBLISH_DIR: published,
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const env = { ...instance.env, PATH: `${join(directory, 'bin')}:${dirname(process.execPath)}:${process.env['PATH']}` }
  for (const page of DOCUMENTED_PAGES) {
    for (const line of commandsIn(page)) {
      if (NOT_HERE.test(line)) continue
      const here = line.replaceAll('/mnt/backups/gatepost', join(directory, 'backups'))
      const { status, stdout, stderr } = await run('bash', ['-c', `${here} </dev/null`], { env, cwd: directory })
      const [, expected = 0, says = /^/] = OTHERWISE.find(([command]) => command.test(line)) ?? []
      t.equal(status, expected, `${page}: ${line}\n${stdout.slice(0, 500)}${stderr.slice(0, 500)}`)
      t.match(stderr, says, line)
    }
  }
})

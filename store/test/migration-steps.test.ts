import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { createLogger } from '../../common/logger.ts'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from '../../test/helpers/clean-env.ts'
import { StoreServer } from '../../test/helpers/store-server.ts'
import { until } from '../../test/helpers/until.ts'
import type { Store } from '../contract.ts'
import { EngineConnection } from '../embedded/connection.ts'
import { WRITER_SETTINGS } from '../embedded/engine-settings.ts'
import { openEmbeddedStore } from '../embedded/open.ts'
import { loadMigrations, migrate } from '../migrations.ts'
import { openServerStore } from '../server/open.ts'

/*
 * A process that migrates is killed in the middle of a migration that rewrites data, started again, killed again. Each start continues at the
 * step that was interrupted, and in the end every row was rewritten once and copied once. ALTER … UPDATE and INSERT … SELECT are the two forms of
 * such a migration.
 */

const MONTHS = ['202311', '202312', '202401', '202402', '202403']
const ROWS_PER_MONTH = 40_000
const ROWS = MONTHS.length * ROWS_PER_MONTH

const READINGS = `CREATE TABLE gatepost.readings (received_at DateTime64(3, 'UTC'), n UInt32, value UInt64)
ENGINE = MergeTree PARTITION BY toYYYYMM(received_at) ORDER BY n`
/** @param slowly an expression of each row's copy, which is 0. The copy of a month is made in eight parts. */
const rewrite = (slowly: string) => `ALTER TABLE gatepost.readings ADD COLUMN IF NOT EXISTS rewrites UInt32 DEFAULT 0
-- statement
CREATE TABLE IF NOT EXISTS gatepost.copies (received_at DateTime64(3, 'UTC'), n UInt32, value UInt64)
ENGINE = MergeTree PARTITION BY toYYYYMM(received_at) ORDER BY n
-- statement
-- by month of gatepost.readings
ALTER TABLE gatepost.readings UPDATE value = value * 2, rewrites = rewrites + 1 IN PARTITION {month} WHERE rewrites = 0
SETTINGS mutations_sync = 2
-- statement
-- by month of gatepost.readings
INSERT INTO gatepost.copies SELECT received_at, n, value + ${slowly} FROM gatepost.readings
WHERE toYYYYMM(received_at) = {month} AND n NOT IN (SELECT n FROM gatepost.copies WHERE toYYYYMM(received_at) = {month})
SETTINGS max_threads = 1, max_block_size = 5000, min_insert_block_size_rows = 5000, min_insert_block_size_bytes = 0
`
const STEPS = ['1', '2', ...MONTHS.map((month) => `3/${month}`), ...MONTHS.map((month) => `4/${month}`)]

interface Cut {
  readonly step: string
  /** Part of the step's statement. */
  readonly at: string
  /** Has rows when the statement has begun to do something; empty: it is killed when the statement is done. */
  readonly condition: string
}

const CUTS: readonly Cut[] = [
  {
    step: '3/202311',
    at: 'IN PARTITION 202311',
    condition: `SELECT 1 FROM system.mutations WHERE table = 'readings' AND position(command, 'IN PARTITION 202311') > 0`,
  },
  { step: '3/202402', at: 'IN PARTITION 202402', condition: '' },
  {
    step: '4/202312',
    at: '= 202312 AND n NOT IN',
    condition: 'SELECT 1 FROM gatepost.copies WHERE toYYYYMM(received_at) = 202312 LIMIT 1',
  },
  { step: '4/202403', at: '= 202403 AND n NOT IN', condition: '' },
]

interface LogLine {
  readonly msg: string
  readonly step?: string
}

/** Runs the migrations in a process of its own, which is killed at `cut`. @returns what it logged, and how it ended */
async function migrateIn(
  t: Test,
  place: string,
  migrations: string,
  cut?: Cut,
): Promise<{ lines: LogLine[]; end: unknown }> {
  const program = packageFile('dist/store/test/migrate-until-killed.js')
  const arguments_ = [program, place, migrations, ...(cut === undefined ? [] : [cut.at, cut.condition])]
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...arguments_], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: cleanEnv(),
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const lines: LogLine[] = []
  for await (const text of createInterface(child.stdout)) {
    const line = JSON.parse(text) as LogLine
    lines.push(line)
    if (line.msg === 'cut') child.kill('SIGKILL')
  }
  const [status, signal] = (await ended) as [number | null, string | null]
  return { lines, end: signal ?? status }
}

interface Killed {
  /** Directory of an embedded store, or URL of a server. */
  readonly place: string
  readonly migrations: string
  readonly cuts: readonly Cut[]
  readonly open: () => Promise<Store>
}

/** @returns the store, at the end of it all */
async function killedAgainAndAgain(t: Test, { place, migrations, cuts, open }: Killed): Promise<Store> {
  const before = await open()
  await before.command('CREATE DATABASE IF NOT EXISTS gatepost')
  await before.command(READINGS)
  await before.command(
    `INSERT INTO gatepost.readings SELECT toDateTime64('2023-11-15 00:00:00', 3, 'UTC') + toIntervalMonth(number % ${MONTHS.length}),
       number, number FROM numbers(${ROWS})`,
  )
  await before.close()

  let from = 0
  for (const cut of [...cuts, undefined]) {
    const { lines, end } = await migrateIn(t, place, migrations, cut)
    const to = cut === undefined ? STEPS.length - 1 : STEPS.indexOf(cut.step)
    const progress = STEPS.slice(from, to + 1).map((step, index) => ({
      step,
      msg: `store: migrating, step ${from + index + 1} of ${STEPS.length}`,
    }))
    const last = cut === undefined ? 'store: migration applied, 1 of 1' : 'cut'
    t.match(lines, [...progress, { msg: last }], `${cut?.step ?? 'the end'}: nothing that was done is done again`)
    t.equal(lines.length, progress.length + 1)
    t.equal(end, cut === undefined ? 0 : 'SIGKILL')
    from = to
  }

  const store = await open()
  t.teardown(() => store.close())
  const [counted] = await store.query(
    `SELECT toUInt32(count()) AS readings, toUInt32(uniqExact(n)) AS numbers, toUInt32(countIf(rewrites = 1 AND value = 2 * n)) AS once
     FROM gatepost.readings`,
  )
  t.same(counted, { readings: ROWS, numbers: ROWS, once: ROWS }, 'every row was rewritten once')
  const [copied] = await store.query(
    `SELECT toUInt32(count()) AS copies, toUInt32(uniqExact(n)) AS numbers, toUInt32(countIf(value = 2 * n)) AS rewritten
     FROM gatepost.copies`,
  )
  t.same(copied, { copies: ROWS, numbers: ROWS, rewritten: ROWS }, 'every row was copied once')
  const recorded = await store.query(
    'SELECT step, toUInt32(count()) AS times FROM gatepost.schema_migration_steps WHERE version = 1 GROUP BY step ORDER BY step',
  )
  t.same(
    recorded,
    STEPS.map((step) => ({ step, times: 1 })),
  )
  return store
}

const logger = createLogger('store-test')
logger.level = 'silent'

const withMigration = (slowly: string) => ({ migrations: { '0001_rewrite.sql': rewrite(slowly) } })

t.test('a migration of an embedded store that is killed again and again', async (t) => {
  // Slow enough to be interrupted between two parts.
  const directory = t.testdir(withMigration('sleep(if({month} = 202312, 0.15, 0))'))
  const path = join(directory, 'store')
  const store = await killedAgainAndAgain(t, {
    place: path,
    migrations: join(directory, 'migrations'),
    cuts: CUTS,
    open: () => openEmbeddedStore({ path, logger }),
  })
  t.same(
    await store.query(
      `SELECT extract(command, 'IN PARTITION (\\\\d+)') AS month, toUInt32(count()) AS times FROM system.mutations
       WHERE database = 'gatepost' AND table = 'readings' AND month != '' GROUP BY month ORDER BY month`,
    ),
    MONTHS.map((month) => ({ month, times: ['202311', '202402'].includes(month) ? 2 : 1 })),
    'only interrupted steps ran again',
  )
})

t.test('a migration of a server whose process is killed again and again', async (t) => {
  const directory = t.testdir(withMigration('0'))
  const server = await StoreServer.start(join(directory, 'server'))
  t.teardown(() => server.stop())
  const url = server.url()
  await killedAgainAndAgain(t, {
    place: url,
    migrations: join(directory, 'migrations'),
    // system.mutations cannot be read there.
    cuts: CUTS.slice(1, 3),
    open: () => openServerStore({ url, logger }),
  })
})

/*
 * Symptom: rows were copied twice. Root cause: a server continues the statement of a process that has died; the next process repeated it at
 * the same time, and neither statement saw the rows of the other.
 */
t.test('a step waits until its statement no longer runs for another process', async (t) => {
  const directory = t.testdir(withMigration('sleep(0.1)'))
  const connections = [0, 1, 2].map(() => new EngineConnection(join(directory, 'store'), WRITER_SETTINGS))
  const [earlier, later, other] = connections
  t.teardown(async () => {
    for (const connection of connections) await connection.close()
  })
  await earlier.run('CREATE DATABASE gatepost')
  await earlier.run(READINGS)
  await earlier.run(
    `INSERT INTO gatepost.readings SELECT toDateTime64('2024-01-15 00:00:00', 3, 'UTC'), number, number FROM numbers(${ROWS_PER_MONTH})`,
  )
  const migrations = loadMigrations(join(directory, 'migrations'))
  const migrating = migrate(earlier, migrations, logger)
  migrating.catch(() => {})
  const copied = async () => {
    const [{ copies }] = await other.rows<{ copies: number }>('SELECT toUInt32(count()) AS copies FROM gatepost.copies')
    return copies
  }
  t.ok(await until(async () => (await copied()) > 0, 5), 'the statement runs')
  await migrate(later, migrations, logger)
  await migrating
  t.equal(await copied(), ROWS_PER_MONTH, 'every row was copied once')
})

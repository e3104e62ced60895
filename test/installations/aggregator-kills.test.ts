import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import type { Store } from '../../store/contract.ts'
import { openEmbeddedStore } from '../../store/embedded/open.ts'
import { batchUuid } from '../../store/exactly-once/identity.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { fixedLog } from '../../aggregator/test/fixed-log.ts'

const KILLS = 10
/** Received half a day before today began: four minutes in one month. */
const START = new Date().setUTCHours(0, 0, 0, 0) - 12 * 3_600_000
const child = fileURLToPath(new URL('../../aggregator/test/insert-until-killed.js', import.meta.url))

function start(path: string): ChildProcess {
  return fork(child, [path, String(START)], {
    env: cleanEnv(),
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function message(process: ChildProcess, wanted: string): Promise<void> {
  for (;;) {
    const [received] = (await Promise.race([once(process, 'message'), once(process, 'exit')])) as [unknown]
    if (received === wanted) return
    if (received !== 'started') throw new Error(`the child ended before it said ${wanted}: ${String(received)}`)
  }
}

/** The merged rows of a view's table, and the result of its SELECT over all raw rows. */
async function viewAndRaw(
  store: Store,
  table: string,
  columns: string,
  merged: string,
): Promise<[unknown[], unknown[]]> {
  const [view] = await store.query<{ as_select: string }>(
    'SELECT as_select FROM system.tables WHERE database = {database:String} AND name = {name:String}',
    { database: 'gatepost', name: `${table}_view` },
  )
  const rows = (select: string) => store.query(`SELECT ${columns} FROM (${select}) ORDER BY ALL`)
  return [await rows(merged), await rows(view.as_select)]
}

t.test(
  'after kills at random moments and restarts from the log’s beginning, every record is stored once',
  async (t) => {
    const path = t.testdir() + '/store'
    for (let round = 0; round < KILLS; round++) {
      const victim = start(path)
      await message(victim, 'started')
      // At a random time between the first insert and about half of the log.
      await sleep(Math.random() * 900)
      if (victim.exitCode === null) {
        victim.kill('SIGKILL')
        await once(victim, 'exit')
      }
    }
    const last = start(path)
    await message(last, 'done')
    if (last.exitCode === null) await once(last, 'exit')

    const logger = createLogger('kill-test')
    const store = await openEmbeddedStore({ path, logger, lockWaitMs: 10_000 })
    t.teardown(() => store.close())
    const { batches } = fixedLog(START)

    const stored = await store.query<{ batch_id: string; rows: string; places: string }>(
      `SELECT batch_id, count() AS rows, uniqExact(batch_index) AS places FROM
       (SELECT batch_id, batch_index FROM gatepost.gateway_pings
        UNION ALL SELECT batch_id, batch_index FROM gatepost.gateway_auth)
     GROUP BY batch_id ORDER BY batch_id`,
    )
    t.same(
      stored,
      batches.map(({ batch, rows }) => ({ batch_id: batchUuid(batch), rows: String(rows), places: String(rows) })),
    )
    const letters = await store.query<{ batch_id: string }>(
      'SELECT batch_id FROM gatepost.dead_letters ORDER BY batch_id',
    )
    const damaged = batches.filter(({ batch, rows }) => rows < batch.recordCount)
    t.same(
      letters.map((letter) => letter.batch_id),
      damaged.map(({ batch }) => batchUuid(batch)),
    )

    const [latest, latestRaw] = await viewAndRaw(
      store,
      'gateway_latest',
      'gw_id, last_seen, toString(heartbeat) AS heartbeat',
      'SELECT gw_id, max(last_seen) AS last_seen, max(heartbeat) AS heartbeat FROM gatepost.gateway_latest GROUP BY gw_id',
    )
    t.same(latest, latestRaw)
    const [runs, runsRaw] = await viewAndRaw(
      store,
      'gateway_runs',
      '*',
      `SELECT gw_id, day, minMap(first_seen) AS first_seen, maxMap(last_seen) AS last_seen
     FROM gatepost.gateway_runs GROUP BY gw_id, day`,
    )
    t.same(runs, runsRaw)
  },
)

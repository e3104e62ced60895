import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { compare, Load } from '../helpers/load.ts'
import { random } from '../helpers/random.ts'

/*
 * Every acknowledged record is in its table once, whichever process is killed at whatever time. GATEPOST_TEST_KILL_ROUNDS sets the number
 * of rounds, GATEPOST_TEST_SEED repeats an order.
 */

const ROUNDS = Number(process.env['GATEPOST_TEST_KILL_ROUNDS'] ?? 30)
const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)
const MAX_REQUESTS = ROUNDS * 20_000
/** Requests are always in flight; more of them would only keep the machine busy. */
const PAUSE_MS = 5

t.test(`SIGKILL under load, ${ROUNDS} rounds`, async (t) => {
  t.comment(`seed ${SEED}`)
  const next = random(SEED)
  const instance = await Instance.create(t.testdir(), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_WORKERS: '2',
    // Long enough for any lag after the last kills, on a busy machine.
    GATEPOST_DRAIN_TIMEOUT: '120s',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const load = new Load([instance], { maxRequests: MAX_REQUESTS, pauseMs: PAUSE_MS })
  load.start(6)

  const kills = { worker: 0, store: 0, supervisor: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(200 + next() * 800)
    const choice = next()
    if (choice < 0.45) kills.worker += kill(instance.children('ingest-main'), next())
    if (choice > 0.3 && choice < 0.85) kills.store += kill(instance.children('store-main'), next())
    if (choice >= 0.85 || round === 5) {
      // Started again at once: its successor has to wait until the orphans have ended.
      await instance.stop('SIGKILL')
      kills.supervisor++
      await instance.start()
    }
  }
  await sleep(500)
  await load.stop()
  t.equal(await instance.stop(), 0, 'a stop after all that drains and ends with status 0')

  t.same(waiting(instance.dataDir), [], 'and leaves nothing in the journal')

  await instance.start()
  const ledger = await compare((sql) => instance.query(sql), load)
  t.comment({ ...kills, ...ledger, withoutAnswer: load.unknown })
  t.ok(kills.worker > 0 && kills.store > 0 && kills.supervisor > 0, 'every kind was killed')
  t.ok(ledger.acknowledged > ROUNDS * 100, `${ledger.acknowledged} records were acknowledged`)
  t.equal(ledger.lost, 0, 'none is lost')
  t.equal(ledger.duplicates, 0, 'none is there twice')
  t.equal(await instance.stop(), 0)
})

/** Segments that are not in the tables yet. */
function waiting(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'journal'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.avro'),
  )
}

/** Kills one of these processes, all of which this test started. */
function kill(pids: readonly number[], choice: number): number {
  if (pids.length === 0) return 0
  try {
    process.kill(pids[Math.floor(choice * pids.length)], 'SIGKILL')
    return 1
  } catch {
    // It has ended by itself since it was listed.
    return 0
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { random, shuffled } from '../helpers/random.ts'
import { FAULTS, impossible, type Fault } from './faults.ts'
import { faultTable, type FaultRow } from './report.ts'
import { storedSessions, wrongSessions } from './session-load.ts'
import { derivedDifferences, judge } from './verdict.ts'
import { World } from './world.ts'

/*
 * Under load, in an installation of many processes, with every fault: each acknowledged record is stored once.
 *
 *   GATEPOST_TEST_FAULT_MINUTES   how long; default 15. Every fault comes once, then as many more as there is time for
 *   GATEPOST_TEST_FAULTS          only faults whose names contain one of these, comma-separated
 *   GATEPOST_TEST_SEED            repeats the order of an earlier run
 */

const MINUTES = Number(process.env['GATEPOST_TEST_FAULT_MINUTES'] ?? 15)
const ONLY = (process.env['GATEPOST_TEST_FAULTS'] ?? '').split(',')
const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)

const RESTARTS_WITHIN_MS = 150_000

/** One fault that happened. */
interface Event {
  readonly fault: Fault
  readonly startedAt: number
  readonly recoveryMs: number
}

t.test(`faults, seed ${SEED}`, { timeout: (MINUTES + 15) * 60_000 }, async (t) => {
  const next = random(SEED)
  const deadline = Date.now() + MINUTES * 60_000
  const world = await World.create(t.testdir())
  t.teardown(() => world.destroy())
  const missing = impossible(world)
  for (const [fault, reason] of missing) t.test(fault, { skip: reason }, () => {})
  const faults = FAULTS.filter(({ name }) => ONLY.some((part) => name.includes(part)) && !missing.has(name))
  await world.probe()

  const events: Event[] = []
  const happen = async (fault: Fault): Promise<void> => {
    const startedAt = Date.now()
    t.comment(`${fault.name} ...`)
    await fault.run(world, next)
    const lastedMs = Date.now() - startedAt
    const recoveryMs = await world.probe()
    events.push({ fault, startedAt, recoveryMs })
    t.comment(`${fault.name}: over after ${seconds(lastedMs)}, recovered in ${seconds(recoveryMs)}`)
  }
  for (const fault of shuffled(faults, next)) await happen(fault)
  while (Date.now() < deadline) await happen(shuffled(faults, next)[0])

  await Promise.all([world.load.stop(), world.sessions.stop()])
  t.same(await world.drained(), { lag: 0, spill: 0 }, 'nothing is left in the log and in the spills')
  const verdict = await judge((sql) => world.query(sql), world.load)
  t.comment(`${verdict.acknowledged} acknowledged, ${verdict.stored} stored, ${world.load.unknown} without an answer`)
  t.comment(faultTable(tableOf(events, world, verdict)))
  t.ok(verdict.acknowledged > events.length * 100, `${verdict.acknowledged} records were acknowledged`)
  t.same([...verdict.lost.keys()], [], 'none is lost')
  t.same([...verdict.duplicated.keys()], [], 'none is there twice')
  await world.sessionsComputed()
  t.ok(world.sessions.expected.size > events.length, `${world.sessions.expected.size} sessions were lived through`)
  const wrong = async () => wrongSessions(world.sessions.expected, await storedSessions((sql) => world.query(sql)))
  // Restarts of gateways are computed less often than sessions.
  for (const until = Date.now() + RESTARTS_WITHIN_MS; (await wrong()).length > 0 && Date.now() < until;)
    await sleep(1000)
  t.same(await wrong(), [], 'sessions equal those of an undisturbed run')
  t.same(await derivedDifferences((sql) => world.query(sql)), { gateway_latest: 0, gateway_runs: 0 }, 'derived state')
})

function tableOf(
  events: readonly Event[],
  world: World,
  { lost, duplicated }: { lost: Map<string, number>; duplicated: Map<string, number> },
): FaultRow[] {
  const rows = new Map<string, FaultRow>()
  const acknowledgedAt = Object.values(world.load.acknowledged).flatMap((ids) => [...ids.values()])
  for (const [index, { fault, startedAt, recoveryMs }] of events.entries()) {
    const until = events.at(index + 1)?.startedAt ?? Infinity
    const within = (times: Iterable<number>) => [...times].filter((time) => time >= startedAt && time < until).length
    const row = rows.get(fault.name) ?? {
      fault: fault.name,
      times: 0,
      acknowledged: 0,
      lost: 0,
      duplicated: 0,
      longestRecoveryMs: 0,
    }
    row.times++
    row.acknowledged += within(acknowledgedAt)
    row.lost += within(lost.values())
    row.duplicated += within(duplicated.values())
    row.longestRecoveryMs = Math.max(row.longestRecoveryMs, recoveryMs)
    rows.set(fault.name, row)
  }
  return [...rows.values()]
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

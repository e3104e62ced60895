import { setTimeout as sleep } from 'node:timers/promises'
import { startHarness } from '../sql-endpoint/test/harness.ts'
import { describeMachine, machineText } from './machine.ts'
import { progress, roundsOptions } from './options.ts'
import { median, percentile } from './statistics.ts'
import { table } from './table.ts'
import { requireWrk, runWrk } from './wrk.ts'

/*
 * What does the SQL endpoint add to a small query? The same text in turn over HTTP, by wrk on one connection that stays, and by the engine's own call in the process of the
 * endpoint. The first time a text is sent, the guard takes it apart; later that is remembered. A client in Node.js adds 0.6 to 0.9 ms of its own.
 */

const LIMIT_MS = 3
const QUERIES = {
  count: 'SELECT count() FROM gatepost.readings WHERE id > 3',
  rows: 'SELECT id, name FROM gatepost.readings ORDER BY id FORMAT JSON',
  parameter: 'SELECT name FROM gatepost.readings WHERE id = {id:UInt64}',
} as const
/** Of the engine alone, in a round. */
const PER_ROUND = 100
/** Of one load by wrk. */
const LOAD_SECONDS = 1
const WARM_UP_SECONDS = 2
/** More texts than one load sends. */
const TEXTS = 100_000
const PAUSE_MS = 2

const { json, rounds } = roundsOptions(
  `What does the SQL endpoint add to a small query? Limit: ${LIMIT_MS} ms in all.

Usage: node dist/bench/sql.js [options]

Options:
  --rounds N  how often each is timed: for ${LOAD_SECONDS} s over HTTP, ${PER_ROUND} queries of the engine alone (default 7)
  --json      print one JSON document

Examples:
  node dist/bench/sql.js
  node dist/bench/sql.js --rounds 15 --json
`,
  7,
)

requireWrk()
const machine = await describeMachine()
const harness = await startHarness()
const port = Number(new URL(harness.url).port)
let texts = 0

interface Times {
  readonly median: number
  readonly p99: number
}

function summed(times: readonly number[]): Times {
  return { median: median(times), p99: percentile(times, 0.99) }
}

/** @throws Error: an answer has another status than 200 */
async function overHttp(sql: string, eachIsNew = false, seconds = LOAD_SECONDS): Promise<Times> {
  const first = eachIsNew ? [String((texts += TEXTS))] : []
  const { p50, p99, errors } = await runWrk(['query', sql, ...first], port, 1, seconds)
  if (errors > 0) throw new Error(`${sql}: ${errors} answers are errors`)
  return { median: p50, p99 }
}

/** @param pauseMs before each query: one that comes after a pause finds the caches of the cores empty, as one that comes over HTTP */
async function byEngine(sql: string, pauseMs = 0): Promise<Times> {
  const times: number[] = []
  for (let n = 0; n < PER_ROUND; n++) {
    if (pauseMs > 0) await sleep(pauseMs)
    const started = performance.now()
    await harness.direct.queryAsync(sql.replace('{id:UInt64}', '3'), { format: 'TabSeparated' })
    times.push(performance.now() - started)
  }
  return summed(times)
}

interface Row {
  readonly query: string
  readonly http_ms: number
  readonly http_p99_ms: number
  /** With a text that was not sent before. */
  readonly first_ms: number
  readonly engine_ms: number
  readonly engine_p99_ms: number
  /** Each query after a pause. */
  readonly paused_engine_ms: number
  /** Of the first two to the engine alone in the same round. */
  readonly ratio: number
  readonly first_ratio: number
}

// Otherwise the first query would pay for code of the endpoint that is not compiled yet.
progress('warming up')
for (const sql of Object.values(QUERIES)) await overHttp(sql, false, WARM_UP_SECONDS)

const rows: Row[] = []
for (const [query, sql] of Object.entries(QUERIES)) {
  const http: number[] = []
  const first: number[] = []
  const engine: number[] = []
  const paused: number[] = []
  const slowest: { http: number[]; engine: number[] } = { http: [], engine: [] }
  for (let round = 0; round <= rounds; round++) {
    progress(`${query}: round ${round} of ${rounds}`)
    const times = [await byEngine(sql), await byEngine(sql, PAUSE_MS), await overHttp(sql), await overHttp(sql, true)]
    // The first round warms up.
    if (round === 0) continue
    engine.push(times[0].median)
    paused.push(times[1].median)
    http.push(times[2].median)
    first.push(times[3].median)
    slowest.engine.push(times[0].p99)
    slowest.http.push(times[2].p99)
  }
  rows.push({
    query,
    http_ms: median(http),
    http_p99_ms: median(slowest.http),
    first_ms: median(first),
    engine_ms: median(engine),
    engine_p99_ms: median(slowest.engine),
    paused_engine_ms: median(paused),
    ratio: median(http.map((ms, round) => ms / engine[round])),
    first_ratio: median(first.map((ms, round) => ms / engine[round])),
  })
}
progress('')
await harness.close()

const isWithin = rows.every(({ http_ms }) => http_ms <= LIMIT_MS)
if (json) {
  process.stdout.write(JSON.stringify({ bench: 'sql', machine, limit_ms: LIMIT_MS, within: isWithin, rows }) + '\n')
} else {
  const cells = rows.map((row) => [
    row.query,
    row.engine_ms.toFixed(2),
    row.engine_p99_ms.toFixed(2),
    row.paused_engine_ms.toFixed(2),
    row.http_ms.toFixed(2),
    row.http_p99_ms.toFixed(2),
    row.ratio.toFixed(2),
    row.first_ms.toFixed(2),
    row.first_ratio.toFixed(2),
  ])
  process.stdout
    .write(`A small query over HTTP (wrk, one connection) and by the engine alone, median and p99: medians of ${rounds} rounds
${machineText(machine)}

${table(['query', 'engine ms', 'p99', 'after a pause', 'HTTP ms', 'p99', 'ratio', 'first time ms', 'ratio'], cells)}

limit ${LIMIT_MS} ms over HTTP: ${isWithin ? 'within' : 'BEYOND'}
`)
}

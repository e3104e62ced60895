import { setTimeout as sleep } from 'node:timers/promises'
import { describeMachine, machineText } from './machine.ts'
import { benchOptions, progress } from './options.ts'
import { SteadyLoad } from './steady-load.ts'
import { Servers, startServe } from './servers.ts'
import { percentile } from './statistics.ts'
import { table } from './table.ts'
import { Watch } from './watch.ts'

/*
 * How long after its acknowledgement is a record found by SQL? A steady load over the three routes; one record every
 * 50 ms is watched: from the moment its answer has been read until a query of the SQL endpoint finds it. The question
 * is asked every 100 ms, so figures are up to that, and one query, too high, and never too low.
 */

const LIMIT_MS = 2000
/** Records/s over the three routes together. */
const RATES = [2000, 10_000]

interface Measurement {
  readonly records_per_second: number
  /** What the load generator, in JavaScript on the same machine, achieved. */
  readonly achieved_per_second: number
  readonly watched: number
  readonly p50_ms: number
  readonly p95_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  /** Watched records that no query found within half a minute. */
  readonly missing: number
  /** Requests of which the answer did not say that the record is kept. */
  readonly not_kept: number
}

const options = benchOptions(
  `How long after its acknowledgement is a record found by SQL? Limit: ${LIMIT_MS / 1000} s.
Loads of ${RATES.join(' and ')} records/s over the three routes; --rounds is not used.

Usage: node dist/bench/lag.js [options]

Examples:
  node dist/bench/lag.js
  node dist/bench/lag.js --seconds 60
  node dist/bench/lag.js --json`,
  { seconds: 20 },
)
const machine = await describeMachine()
const servers = new Servers()
try {
  const { server, instance } = await startServe('durable')
  await servers.add(Promise.resolve(server))
  const lags: Measurement[] = []
  for (const rate of RATES) {
    progress(`${rate} records/s for ${options.seconds} s`)
    const watch = new Watch(instance)
    const load = new SteadyLoad(server.port, rate, options.connections, watch)
    load.start()
    await sleep(options.seconds * 1000)
    const { acknowledged, notKept, seconds } = await load.stop()
    const { found, missing } = await watch.stop()
    await server.settle()
    lags.push({
      records_per_second: rate,
      achieved_per_second: Math.round(acknowledged / seconds),
      watched: found.length + missing,
      p50_ms: Math.round(percentile(found, 0.5)),
      p95_ms: Math.round(percentile(found, 0.95)),
      p99_ms: Math.round(percentile(found, 0.99)),
      max_ms: Math.round(percentile(found, 1)),
      missing,
      not_kept: notKept,
    })
  }
  progress('')
  const withinLimit = lags.every(({ max_ms, missing }) => missing === 0 && max_ms <= LIMIT_MS)
  if (options.json) {
    process.stdout.write(JSON.stringify({ bench: 'lag', machine, limit_ms: LIMIT_MS, lags }) + '\n')
  } else {
    const header = ['records/s', 'achieved', 'watched', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'missing', 'not kept']
    const rows = lags.map((lag) => Object.values(lag as unknown as Record<string, number>).map(String))
    process.stdout.write(`From the acknowledgement to the SQL endpoint, gatepost serve, ${options.seconds} s each
${machineText(machine)}

${table(header, rows)}

limit ${LIMIT_MS} ms for every record: ${withinLimit ? 'within' : 'BEYOND'}
`)
  }
} finally {
  await servers.stop()
}

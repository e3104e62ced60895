import { setTimeout as sleep } from 'node:timers/promises'
import { residentMiB } from '../test/hostile/memory.ts'
import { metric } from '../test/hostile/metric.ts'
import type { Instance } from '../test/helpers/instance.ts'
import { describeMachine, machineText } from './machine.ts'
import { gatewayAuth } from '../schemas/streams/gateway-auth.ts'
import { gatewayPings } from '../schemas/streams/gateway-pings.ts'
import { postAuth } from '../schemas/streams/post-auth.ts'
import { LoadProcess } from './load-process.ts'
import { benchOptions, progress } from './options.ts'
import { Servers, startServe } from './servers.ts'
import { percentile } from './statistics.ts'
import { table } from './table.ts'

/*
 * Do analysts stop the tables from being filled? Fifty of them ask for heavy aggregates over and over, while records come at a steady rate. Looked
 * at each second: how old the oldest record is that is not in its table, whether the dashboard answers, and the memory of the store.
 */

const TOPICS = [postAuth, gatewayPings, gatewayAuth].map(({ name }) => name)
const READERS = 50
const RATE = 5000
/** So long the same load runs without readers first: what the machine can do at all. */
const ALONE_MS = 15_000
/** What the alert GatepostLag allows. */
const LIMIT_SECONDS = 60
const HEAVY = [
  'SELECT uniqExact(number * 7 % 50000000) FROM numbers(30000000)',
  'SELECT length(groupArray(toString(number))) FROM numbers(3000000)',
  'SELECT number % 1000000 AS k, count(), avg(number) FROM numbers(30000000) GROUP BY k ORDER BY k DESC LIMIT 10',
  'SELECT max(a.number) FROM numbers(2000000) AS a JOIN numbers(2000000) AS b ON a.number = b.number',
  'SELECT gw_id, count(), quantileExact(sys_load) FROM gateway_pings GROUP BY gw_id ORDER BY 2 DESC LIMIT 10',
]

const options = benchOptions(
  `Do ${READERS} heavy readers delay ${RATE} records/s on their way into the tables? Limit: ${LIMIT_SECONDS} s.
--rounds is not used.

Usage: node dist/bench/readers.js [options]

Examples:
  node dist/bench/readers.js
  node dist/bench/readers.js --seconds 20 --json`,
  // A fleet has a connection for each gateway.
  { seconds: 60, connections: 512 },
)

/** How queries ended, by HTTP status; 0: without an answer, such as on a kept connection that the endpoint closed at that moment. */
const ends = new Map<number, number>()

async function read(instance: Instance, first: number, until: () => boolean): Promise<void> {
  for (let turn = first; !until(); turn++) {
    const body = HEAVY[turn % HEAVY.length]
    const answer = await fetch(instance.url('/?database=gatepost', instance.sqlPort), { method: 'POST', body }).catch(
      () => null,
    )
    await answer?.arrayBuffer()
    const status = answer?.status ?? 0
    ends.set(status, (ends.get(status) ?? 0) + 1)
    if (status === 503 || status === 0) await sleep(1000)
  }
}

const machine = await describeMachine()
const servers = new Servers()
try {
  const { server, instance } = await startServe('durable')
  await servers.add(Promise.resolve(server))
  const store = instance.children('store-main')
  const lags: number[] = []
  const memory: number[] = []
  const dashboard: number[] = []
  let unanswered = 0
  let over = false
  progress('without readers')
  const loadAlone = await LoadProcess.start(server.port, RATE, options.connections)
  await sleep(ALONE_MS)
  const alone = await loadAlone.stop()
  await server.settle()
  const load = await LoadProcess.start(server.port, RATE, options.connections)
  const readers = Array.from({ length: READERS }, (_, first) => read(instance, first, () => over))
  for (let second = 1; second <= options.seconds; second++) {
    progress(`second ${second} of ${options.seconds}`)
    const started = performance.now()
    const answer = await fetch(instance.url('/api/overview', instance.dashboardPort)).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.status === 200) dashboard.push(performance.now() - started)
    else unanswered++
    const ages = TOPICS.map((topic) => metric(instance, 'gatepost_aggregator_lag_seconds', `topic="${topic}"`))
    lags.push(Math.max(...(await Promise.all(ages))))
    memory.push(residentMiB(store) ?? NaN)
    await sleep(Math.max(0, started + 1000 - performance.now()))
  }
  over = true
  const beside = await load.stop()
  await Promise.all(readers)
  await server.settle()
  const stored = await instance.query<{ n: string }>(
    'SELECT toString((SELECT count() FROM gateway_pings) + (SELECT count() FROM gateway_auth) + (SELECT count() FROM post_auth)) AS n',
  )
  const restarts = await metric(instance, 'gatepost_process_restarts_total')
  progress('')
  const acknowledged = alone.acknowledged + beside.acknowledged
  const [rateAlone, rateBeside] = [alone, beside].map((each) => each.acknowledged / each.seconds)
  const figures = {
    load_goes_first: load.goesFirst,
    records_per_second_without_readers: Math.round(rateAlone),
    records_per_second: Math.round(rateBeside),
    ratio: Math.round((rateBeside / rateAlone) * 100) / 100,
    acknowledged,
    stored: Number(stored[0].n),
    not_kept: alone.notKept + beside.notKept,
    oldest_s_max: Math.max(...lags),
    oldest_s_p50: percentile(lags, 0.5),
    store_mib_max: Math.round(Math.max(...memory)),
    restarts,
    dashboard_ms_p50: Math.round(percentile(dashboard, 0.5)),
    dashboard_ms_max: Math.round(Math.max(...dashboard)),
    dashboard_unanswered: unanswered,
    queries: Object.fromEntries(ends),
  }
  const isWithin = figures.oldest_s_max <= LIMIT_SECONDS && restarts === 0 && figures.stored === acknowledged
  if (options.json) {
    const limits = { limit_s: LIMIT_SECONDS, within: isWithin }
    process.stdout.write(JSON.stringify({ bench: 'readers', machine, ...limits, ...figures }) + '\n')
  } else {
    const rows = Object.entries(figures).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ])
    process.stdout.write(`${READERS} heavy readers beside ${RATE} records/s for ${options.seconds} s, gatepost serve
${machineText(machine)}

${table(['figure', 'value'], rows)}

limits: no record older than ${LIMIT_SECONDS} s on its way into its table, each stored once, no restart: ${isWithin ? 'within' : 'BEYOND'}
`)
  }
} finally {
  await servers.stop()
}

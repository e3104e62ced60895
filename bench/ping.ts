import { describeMachine, machineText } from './machine.ts'
import { benchOptions } from './options.ts'
import { compare } from './rounds.ts'
import { Servers, startBare, startIngest, startServe } from './servers.ts'
import { againstLimit, comparedTable } from './table.ts'
import { requireWrk } from './wrk.ts'

/*
 * How close does a heartbeat that is kept come to bare uWebSockets that keeps nothing? wrk loads one and the other in
 * turn; why wrk stands in wrk.ts. The last table is where we lose: with a single connection nobody shares a commit, so
 * every request waits for a write and an fdatasync of its own.
 */

/** The least that a durable heartbeat may have of bare uWebSockets' rate, on one core each for server and load. */
const LIMIT = 0.45

const options = benchOptions(
  `How close does a durable heartbeat come to bare uWebSockets? Limit: ${LIMIT} of its rate.

Usage: node dist/bench/ping.js [options]

Examples:
  node dist/bench/ping.js
  node dist/bench/ping.js --seconds 10 --rounds 7 --connections 256
  node dist/bench/ping.js --json`,
)
requireWrk()
const machine = await describeMachine()
const servers = new Servers()
try {
  const { rounds, seconds } = options
  const bare = await servers.add(startBare('uws'))
  const durable = await servers.add(startIngest('durable'))
  const fast = await servers.add(startIngest('fast'))
  const alone = await compare('ping', [bare, durable, fast], options.connections, rounds, seconds)
  const single = await compare('ping', [bare, durable], 1, Math.min(rounds, 3), Math.min(seconds, 2))

  const served = await servers.add(startServe('durable').then(({ server }) => server))
  const servedFast = await servers.add(startServe('fast').then(({ server }) => server))
  const whole = await compare('ping', [bare, served, servedFast], options.connections, rounds, seconds)

  if (options.json) {
    const document = { bench: 'ping', machine, limit: LIMIT, ratio: alone[1].ratio, alone, whole, single }
    process.stdout.write(JSON.stringify(document) + '\n')
  } else {
    process.stdout.write(`Heartbeats (GET /ping/), ${rounds} rounds of ${seconds} s
${machineText(machine)}

The ingest worker alone: one core serves, the other runs wrk.
${comparedTable(alone)}

gatepost serve: the store's inserts take from the same ${machine.cores} cores, during the load.
${comparedTable(whole)}

Where we lose: one connection, so that every request waits for a commit of its own.
${comparedTable(single)}

${againstLimit('durable heartbeat, ingest alone', alone[1].ratio, LIMIT)}
`)
  }
} finally {
  await servers.stop()
}

import { describeMachine, machineText } from './machine.ts'
import { benchOptions } from './options.ts'
import { compare } from './rounds.ts'
import { Servers, startBare, startIngest, startServe } from './servers.ts'
import { comparedTable } from './table.ts'
import { requireWrk } from './wrk.ts'

/*
 * How close does a login that is kept (POST /logging/post-auth, some 280 bytes of JSON) come to bare uWebSockets that
 * reads the body and answers 204? wrk loads one and the other in turn; why wrk stands in wrk.ts. There is no fast mode:
 * 204 always means stored.
 */

const options = benchOptions(
  `How close does a stored post-auth come to bare uWebSockets that reads the body and answers 204?

Usage: node dist/bench/post-auth.js [options]

Examples:
  node dist/bench/post-auth.js
  node dist/bench/post-auth.js --seconds 10 --rounds 7 --connections 256
  node dist/bench/post-auth.js --json`,
)
requireWrk()
const machine = await describeMachine()
const servers = new Servers()
try {
  const { rounds, seconds } = options
  const bare = await servers.add(startBare('uws'))
  const durable = await servers.add(startIngest('durable'))
  const alone = await compare('post-auth', [bare, durable], options.connections, rounds, seconds)
  const single = await compare('post-auth', [bare, durable], 1, Math.min(rounds, 3), Math.min(seconds, 2))

  const served = await servers.add(startServe('durable').then(({ server }) => server))
  const whole = await compare('post-auth', [bare, served], options.connections, rounds, seconds)

  if (options.json) {
    const document = { bench: 'post-auth', machine, ratio: alone[1].ratio, alone, whole, single }
    process.stdout.write(JSON.stringify(document) + '\n')
  } else {
    process.stdout.write(`Logins (POST /logging/post-auth), ${rounds} rounds of ${seconds} s
${machineText(machine)}

The ingest worker alone: one core serves, the other runs wrk.
${comparedTable(alone)}

gatepost serve: the store's inserts take from the same ${machine.cores} cores, during the load.
${comparedTable(whole)}

Where we lose: one connection, so that every request waits for a commit of its own.
${comparedTable(single)}

stored post-auth, ingest alone: ${alone[1].ratio.toFixed(2)} of bare
`)
  }
} finally {
  await servers.stop()
}

import { describeMachine, machineText } from './machine.ts'
import { benchOptions, progress } from './options.ts'
import { Servers, startBare, startIngest, type Server } from './servers.ts'
import { median } from './statistics.ts'
import { table } from './table.ts'
import { hasCommand, run } from './wrk.ts'

/*
 * How close does a heartbeat on the gateway listener (node:http, HTTP/1.0, a connection each, kept) come to a bare
 * node:net server that keeps nothing? Here we lose, whatever is done: node:http parses and answers per request, and
 * a connection is made and torn down for each. A fleet puts nginx in front, which turns these into pooled HTTP/1.1.
 * ab is the load generator: wrk speaks no HTTP/1.0.
 */

const TARGET = '/ping/?gw_id=gw-0001&sys_uptime=700000&sys_memfree=52000&sys_load=0.03&wifidog_uptime=600000'

const options = benchOptions(
  `How close does an HTTP/1.0 heartbeat on the gateway listener come to bare node:net? A case where we lose.

Usage: node dist/bench/gateway.js [options]

Examples:
  node dist/bench/gateway.js
  node dist/bench/gateway.js --seconds 10 --connections 64
  node dist/bench/gateway.js --json`,
  { rounds: 3, seconds: 3, connections: 32 },
)
if (!hasCommand('ab', '-V')) {
  process.stderr.write('This bench needs ab, which speaks HTTP/1.0: apt-get install apache2-utils\n')
  process.exit(2)
}

interface AbResult {
  readonly rate: number
  readonly errors: number
  readonly p50: number
  readonly p99: number
}

async function runAb(server: Server): Promise<AbResult> {
  const { seconds, connections } = options
  const args = [
    '-q',
    '-t',
    String(seconds),
    '-n',
    '1000000',
    '-c',
    String(connections),
    '-H',
    'User-Agent: WiFiDog 1.3.0',
  ]
  const output = await run('ab', [...args, `http://127.0.0.1:${server.gatewayPort ?? server.port}${TARGET}`])
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0)
  return {
    rate: number(/^Requests per second:\s+([\d.]+)/m),
    errors: number(/^Failed requests:\s+(\d+)/m) + number(/^Non-2xx responses:\s+(\d+)/m),
    p50: number(/^\s+50%\s+(\d+)/m),
    p99: number(/^\s+99%\s+(\d+)/m),
  }
}

const machine = await describeMachine()
const servers = new Servers()
try {
  const pair = [await servers.add(startBare('net')), await servers.add(startIngest('durable'))]
  const results: AbResult[][] = pair.map(() => [])
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, server] of pair.entries()) {
      progress(`round ${round} of ${options.rounds}: ${server.name}, HTTP/1.0`)
      results[index].push(await runAb(server))
    }
  }
  progress('')
  const rows = pair.map((server, index) => ({
    server: index === 0 ? server.name : 'gateway listener, durable',
    connections: options.connections,
    requests_per_second: Math.round(median(results[index].map(({ rate }) => rate))),
    ratio: median(results[index].map(({ rate }, round) => rate / results[0][round].rate)),
    p50_ms: median(results[index].map(({ p50 }) => p50)),
    p99_ms: median(results[index].map(({ p99 }) => p99)),
    errors: results[index].reduce((sum, { errors }) => sum + errors, 0),
  }))
  if (options.json) process.stdout.write(JSON.stringify({ bench: 'gateway', machine, rows }) + '\n')
  else {
    const header = ['server', 'conns', 'requests/s', 'ratio', 'p50 ms', 'p99 ms', 'errors']
    const cells = rows.map((row) => [
      row.server,
      String(row.connections),
      row.requests_per_second.toLocaleString('en'),
      row.ratio.toFixed(2),
      ...[row.p50_ms, row.p99_ms, row.errors].map(String),
    ])
    process.stdout.write(`Heartbeats over HTTP/1.0, a connection each, ${options.rounds} rounds of ${options.seconds} s
${machineText(machine)}

${table(header, cells)}

Here we lose, and nginx in front is the remedy: see docs/benchmarks.md.
`)
  }
} finally {
  await servers.stop()
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cleanEnv } from '../test/helpers/clean-env.ts'
import { requireWrk } from './wrk.ts'

/* Every bench, one after the other, short enough to wait for. */

const BENCHES = [
  { name: 'ping', args: ['--rounds', '3', '--seconds', '2'] },
  { name: 'post-auth', args: ['--rounds', '3', '--seconds', '2'] },
  { name: 'gateway', args: ['--rounds', '3', '--seconds', '2'] },
  { name: 'lag', args: ['--seconds', '10'] },
  { name: 'aggregator', args: ['--seconds', '8', '--rounds', '3'] },
  { name: 'decisions', args: ['--rounds', '5'] },
  { name: 'sql', args: ['--rounds', '5'] },
  { name: 'readers', args: ['--seconds', '20'] },
  { name: 'sessions', args: ['--millions', '1', '--rounds', '3'] },
  { name: 'reports', args: ['--millions', '3', '--rounds', '3'] },
] as const

const HELP = `Run the benches one after the other, within seven minutes.

Usage: node dist/bench/run.js [--json] [BENCH ...]

  ping       durable heartbeats against bare uWebSockets
  post-auth  stored logins against bare uWebSockets
  gateway    HTTP/1.0 heartbeats on the gateway listener against bare node:net
  lag        from the acknowledgement to the SQL endpoint
  aggregator from Kafka into the store against the engine alone (needs Java and Maven)
  decisions  an access decision against its request
  sql        a small query over HTTP against the engine alone
  readers    fifty heavy readers beside a steady load of records
  sessions   one gateway's page of sessions, and what a report costs until it is in them
  reports    the metrics of the daily set, and searches of the support desk, on a month of logins

Options:
  --json  print one JSON document

Examples:
  make bench
  node dist/bench/run.js ping lag
  node dist/bench/run.js --json > bench.json
  node dist/bench/ping.js --seconds 10 --rounds 7     one bench, longer: each has a --help of its own
`

function arguments_(): { json: boolean; names: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    })
    if (values.help) {
      process.stdout.write(HELP)
      process.exit(0)
    }
    const unknown = positionals.find((name) => !BENCHES.some((bench) => bench.name === name))
    if (unknown !== undefined) throw new Error(`there is no bench ${unknown}`)
    return { json: values.json, names: positionals }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nTry --help.\n`)
    process.exit(2)
  }
}

const { json, names } = arguments_()
requireWrk()
const documents: unknown[] = []
for (const { name, args } of BENCHES) {
  if (names.length > 0 && !names.includes(name)) continue
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args, ...(json ? ['--json'] : [])], {
    env: cleanEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stopChild = () => child.kill('SIGTERM')
  process.once('SIGTERM', stopChild)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  process.off('SIGTERM', stopChild)
  if (code !== 0) {
    process.stderr.write(`${output}the ${name} bench ended with status ${code}\n`)
    process.exit(code ?? 1)
  }
  if (json) documents.push(JSON.parse(output))
  else process.stdout.write(`== ${name} ==\n${output}\n`)
}
if (json) process.stdout.write(JSON.stringify({ benches: documents }) + '\n')

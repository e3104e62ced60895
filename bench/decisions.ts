import { randomBytes } from 'node:crypto'
import { createLogger } from '../common/logger.ts'
import { Decisions, type Asker } from '../access/decisions.ts'
import { GatewayRegistry } from '../access/registry.ts'
import { SUBJECTS } from '../access/subjects.ts'
import { Tokens } from '../access/token.ts'
import { App } from '../ingest/app.ts'
import { Exchange } from '../ingest/http.ts'
import type { LogWriter } from '../log/contract.ts'
import { MemoryAccess } from '../test/helpers/memory-access.ts'
import { describeMachine, machineText } from './machine.ts'
import { progress, roundsOptions } from './options.ts'
import { median } from './statistics.ts'
import { table } from './table.ts'

/*
 * What does a decision cost beside its request? Counters of signed tokens go through the worker's routes into a log that keeps nothing: parsing,
 * decision, record. The decision alone is timed in the same round, while half a million subjects are decided about. HTTP and the disk take as
 * long again as the request (bench/ping.ts), so half of it is a quarter of what one core does for a report.
 */

/** The most that a decision may take of its request, without HTTP and the disk. */
const LIMIT = 0.5
const SESSIONS = 50_000
const DECIDED = 500_000
const SECRET = 'a secret for benches'

const { json, rounds } = roundsOptions(
  `What does an access decision cost beside its request? Limit: ${LIMIT} of it.

Usage: node dist/bench/decisions.js [options]

Options:
  --rounds N  how often each is timed (default 7)
  --json      print one JSON document

Examples:
  node dist/bench/decisions.js
  node dist/bench/decisions.js --rounds 15 --json
`,
  7,
)

const machine = await describeMachine()
const tokens = new Tokens([SECRET])
const access = new MemoryAccess()
const now = Date.now()
for (let index = 0; index < DECIDED; index++) {
  const entry = { verdict: 'deny', reason: '', until: null, updatedAt: now } as const
  void access.put(index % 1000 === 0 ? SUBJECTS.account.of(String(index)) : SUBJECTS.mac.of(`02-00${index}`), entry)
}
const macOf = (index: number) => `50-A6-7F-${hex(index >> 16)}-${hex(index >> 8)}-${hex(index)}`
const askers = Array.from({ length: SESSIONS }, (_, index): Asker => {
  const [mac, gwId] = [macOf(index), `gw-${index % 100}`]
  const request = {
    now,
    useWithinMs: 600_000,
    sessionMaxMs: 86_400_000,
    confirmWithinMs: null,
    mac,
    gwId,
    account: `a${index}`,
  }
  return { stage: 'counters', token: tokens.issue(request).text, mac, gwId, remoteIp: '127.0.0.1' }
})
const guesses = askers.map((asker) => ({ ...asker, token: randomBytes(32).toString('hex') }))

const discarding: LogWriter = {
  nextPartition: () => 0,
  append: () => Promise.resolve(),
  close: () => Promise.resolve(),
}
const logger = createLogger('bench')
logger.level = 'error'
const app = new App({ log: discarding, authMode: 'signed', secrets: [SECRET], access, ack: 'durable', logger })
const queries = askers.map(
  ({ token, mac, gwId }) =>
    `stage=counters&ip=192.168.77.10&mac=${mac}&token=${token}&incoming=6031353&outgoing=827770&gw_id=${gwId}`,
)

/** Requests as a listener hands them over; the log takes its batches in between. */
async function requests(): Promise<void> {
  for (const [index, query] of queries.entries()) {
    const exchange = new Exchange()
    Object.assign(exchange, { query, userAgent: 'WiFiDog 1.3.0', remoteIp: '127.0.0.1' })
    app.get('/auth/', exchange)
    if (index % 100 === 99) await app.records.flush()
  }
}

const registry = new GatewayRegistry(access, (gwId) => tokens.gatewayTags(gwId))
const decisions = new Decisions({ mode: 'signed', secret: SECRET, tokens, access, registry })
const decide = (by: Decisions, asked: readonly Asker[], code: number) => {
  for (const asker of asked) {
    const verdict = by.decide(asker)
    if (verdict instanceof Promise || verdict.code !== code) throw new Error('not what was to be decided')
  }
}

/** µs each. */
async function timed(work: () => Promise<void> | void): Promise<number> {
  const started = performance.now()
  await work()
  return ((performance.now() - started) * 1000) / SESSIONS
}

const times = { request: [] as number[], in_use: [] as number[], first: [] as number[], guess: [] as number[] }
const ratios: number[] = []
for (let round = 0; round <= rounds; round++) {
  progress(`round ${round} of ${rounds}`)
  const fresh = new Decisions({ mode: 'signed', secret: SECRET, tokens, access, registry })
  const first = await timed(() => decide(fresh, askers, 1))
  const request = await timed(requests)
  const inUse = await timed(() => decide(decisions, askers, 1))
  const guess = await timed(() => decide(decisions, guesses, 0))
  // The first round warms up.
  if (round === 0) continue
  times.request.push(request)
  times.in_use.push(inUse)
  times.first.push(first)
  times.guess.push(guess)
  ratios.push(inUse / request)
}
progress('')
const ratio = Number(median(ratios).toFixed(3))
const us = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, Number(median(all).toFixed(2))]))
if (json) {
  process.stdout.write(JSON.stringify({ bench: 'decisions', machine, limit: LIMIT, ratio, microseconds: us }) + '\n')
} else {
  process.stdout
    .write(`Decisions about counters, ${SESSIONS} sessions in use, ${DECIDED} subjects decided about, medians of ${rounds}
${machineText(machine)}

${table(
  ['what', 'µs each'],
  [
    ['the request: parsed, decided, its record encoded', String(us['request'])],
    ['a decision about a token in use', String(us['in_use'])],
    ['a decision about a token that is seen first', String(us['first'])],
    ['a guess', String(us['guess'])],
  ],
)}

a decision: ${ratio} of its request; limit ${LIMIT}: ${ratio <= LIMIT ? 'below' : 'ABOVE'}
`)
}

function hex(value: number): string {
  return (value & 255).toString(16).toUpperCase().padStart(2, '0')
}

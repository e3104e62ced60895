import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startSessionsJob } from '../jobs/sessions/sessions-job.ts'
import { createLogger } from '../common/logger.ts'
import { listSessions } from '../reporter/queries/sessions.ts'
import { openEmbeddedStore } from '../store/embedded/open.ts'
import { describeMachine, machineText } from './machine.ts'
import { progress } from './options.ts'
import { percentile } from './statistics.ts'
import { retentionOf } from '../store/retention.ts'

/*
 * Does a page of sessions, and the cost of a report, depend on how many sessions there are? Sessions are generated inside the engine, three
 * hours each, one after the other at 10,000 gateways; then one gateway's page is asked for, and a report of each of the latest 10,000 is computed.
 */

const LIMIT_MS = 1000
const GATEWAYS = 10_000
const REPORTS = 10_000

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    json: { type: 'boolean', default: false },
    millions: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
  },
})
if (values.help) {
  process.stdout
    .write(`How long does one gateway's page of sessions take (limit ${LIMIT_MS / 1000} s), and what do ${REPORTS} reports cost?

Usage: node dist/bench/sessions.js [options]

Options:
  --millions N  sessions that there are (default 10)
  --rounds N    how often each is asked (default 5)
  --json        print one JSON document

Examples:
  node dist/bench/sessions.js
  node dist/bench/sessions.js --millions 1 --json
`)
  process.exit(0)
}
const millions = Number(values.millions)
const rounds = Number(values.rounds)
if (!(millions >= 0.1 && millions <= 100 && rounds >= 1 && rounds <= 100)) {
  process.stderr.write('--millions is a number from 0.1 to 100, --rounds one from 1 to 100\n')
  process.exit(2)
}

const directory = mkdtempSync(join(tmpdir(), 'gatepost-sessions-'))
const logger = createLogger('bench')
logger.level = 'warn'
const machine = await describeMachine()
const store = await openEmbeddedStore({ path: join(directory, 'store'), logger, retention: retentionOf(3650) })

/** As names are: nothing tells the time of a session from them. */
const NAME = 'lower(hex(sipHash64(id)))'
const HOURS = 480

/**
 * Sessions {first} and on of {all}, whose times follow one another over ${HOURS} hours up to now: what the portal knew of them, and what came of
 * their reports.
 */
const HISTORY = [
  `INSERT INTO gatepost.session_hours (gw_id, session_id, hour, mac, first_seen, last_seen, last_ok, last_login_ok, incoming, outgoing, reports)
   WITH {first:UInt64} + intDiv(number, 3) AS id,
     toStartOfHour(now('UTC')) - toIntervalHour(intDiv(({all:UInt64} - 1 - id) * ${HOURS}, {all:UInt64}) + 3 - number % 3) AS at
   SELECT concat('gw-', toString(id % ${GATEWAYS})), ${NAME}, at, concat('50-A6-', hex(id)), at, at + 3000, at + 3000,
     if(number % 3 = 0, at, toDateTime64(0, 3, 'UTC')), id, 1, 60
   FROM numbers({sessions:UInt64} * 3)`,
  `INSERT INTO gatepost.portal_sessions (received_at, issued, session_id, gw_id, mac, account, method, use_by, ends, batch_id)
   WITH {first:UInt64} + number AS id,
     toStartOfHour(now('UTC')) - toIntervalHour(intDiv(({all:UInt64} - 1 - id) * ${HOURS}, {all:UInt64}) + 3) AS at
   SELECT at, at, ${NAME}, concat('gw-', toString(id % ${GATEWAYS})), concat('50-A6-', hex(id)), '', 'click', at + 600, at + 86400,
     generateUUIDv4()
   FROM numbers({sessions:UInt64})`,
  `INSERT INTO gatepost.session_client_logins (mac, gw_id, session_id, at)
   SELECT mac, gw_id, session_id, issued FROM gatepost.portal_sessions WHERE mac IN
     (SELECT concat('50-A6-', hex({first:UInt64} + number)) FROM numbers({sessions:UInt64}))`,
]

async function computed(): Promise<number> {
  const started = performance.now()
  const from = Date.now()
  const job = startSessionsJob({
    store,
    timeoutIntervals: 3,
    rawDays: 3650,
    logger,
    everyMs: 20,
    leaseSettleMs: 20,
  })
  while (job.stats.computedUntil <= from) await sleep(5)
  const ms = performance.now() - started
  await job.stop()
  return ms
}

try {
  await store.migrate()
  const parts = Math.ceil(millions)
  const perPart = (millions * 1e6) / parts
  for (let part = 0; part < parts; part++) {
    progress(`generating ${part + 1} of ${parts} million sessions`)
    const range = { first: Math.round(part * perPart), sessions: Math.round(perPart), all: millions * 1e6 }
    for (const statement of HISTORY) await store.command(statement, range)
  }
  const pages: number[] = []
  const reports: number[] = []
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    const started = performance.now()
    const page = await listSessions(store, { active: false, gateway: `gw-${round * 7 + 1}`, limit: 100 })
    pages.push(performance.now() - started)
    if (page.length === 0) throw new Error('the page is empty')
    await store.command(
      `INSERT INTO gatepost.gateway_auth (received_at, stage, gw_id, mac, session_id, incoming, outgoing, auth_code, own, batch_id, batch_index)
       SELECT now64(3, 'UTC'), 'counters', concat('gw-', toString(id % ${GATEWAYS})), 'm', ${NAME}, id * 1000 + {round:UInt32}, 5, 1, 1,
         generateUUIDv4(), 0
       FROM (SELECT {all:UInt64} - 1 - number AS id FROM numbers(${REPORTS}))`,
      { round, all: millions * 1e6 },
    )
    reports.push(await computed())
  }
  progress('')
  const page = Math.round(percentile(pages, 0.5))
  const perReport = Number(((percentile(reports, 0.5) * 1000) / REPORTS).toFixed(1))
  const ratio = Number((page / LIMIT_MS).toFixed(3))
  if (values.json) {
    const figures = {
      sessions: millions * 1e6,
      page_ms: page,
      limit_ms: LIMIT_MS,
      ratio,
      microseconds_per_report: perReport,
    }
    process.stdout.write(JSON.stringify({ bench: 'sessions', machine, ...figures }) + '\n')
  } else {
    process.stdout.write(`Of ${millions} million sessions at ${GATEWAYS} gateways, median of ${rounds}
${machineText(machine)}

one gateway's page       ${page} ms, ${ratio} of the limit (${LIMIT_MS} ms)
${REPORTS} reports at once  ${perReport} µs each, up to the view
`)
  }
} finally {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
}

import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { stringify } from 'csv-stringify/sync'
import { GatepostError } from '../common/errors.ts'
import { importAccounts } from '../reporter/accounts/import.ts'
import { METRICS } from '../reporter/metrics/definitions.ts'
import { parseLocations } from '../reporter/locations/parse.ts'
import { replaceLocations } from '../reporter/locations/table.ts'
import type { TableStore } from '../store/table-store.ts'
import { DAY_MS, dayOf } from '../reporter/metrics/window.ts'
import { withAccessLog } from '../runtime/instance/access-log.ts'
import type { Config } from '../runtime/config/config.ts'
import { withStore } from '../runtime/instance/connect.ts'
import type { Output } from '../common/output.ts'
import { registerAll } from '../access/registration.ts'
import type { Registration } from '../access/subjects.ts'
import { readDemoMarker } from '../runtime/supervisor/demo-marker.ts'
import { httpUrl } from '../runtime/supervisor/ports.ts'
import { serve } from '../runtime/supervisor/serve.ts'
import { fleetEvents, guestEvents, together } from './events.ts'
import { AT_ONCE, fill, goOn } from './fill.ts'
import { makeFleet, type Fleet } from './fleet.ts'
import { ProgressBar } from './progress.ts'
import { Sender, type Sent } from './sender.ts'
import { computeMetrics, untilSessions, untilStored } from './stored.ts'

export interface DemoOptions {
  readonly seed: number
  readonly days: number
  readonly sites: number
  /** End of the generated past, ms since the epoch; null: now, and the demo continues in real time. */
  readonly until: number | null
  /** Whether to keep serving after filling. */
  readonly serves: boolean
}

const PORTAL_DAYS = 4
/** Events that happened while the demo was being filled are sent too, until it is at most this far from now. */
const CAUGHT_UP_MS = 2000

/**
 * Starts an instance, fills it with the past of a generated fleet through its listeners, then continues as `serve` does.
 * @returns the exit status, see run()
 * @throws GatepostError CONFIG_INVALID, INPUT_INVALID: nothing was created; otherwise as serve()
 */
export async function demo(configured: Config, options: DemoOptions, output: Output): Promise<number> {
  requireEmpty(configured)
  const started = Date.now()
  const { seed, days, sites } = options
  const until = options.until ?? started
  const key = randomBytes(32).toString('hex')
  const config: Config = {
    ...configured,
    // Accepts no outside requests; its own look as if they came through a proxy, from many gateways.
    bind: '127.0.0.1',
    // Its sender has no credential, and speaks no TLS.
    ingestCredentials: undefined,
    ingestSources: undefined,
    tlsCert: undefined,
    tlsKey: undefined,
    trustedProxies: ['127.0.0.1'],
    authMode: 'signed',
    login: ['click'],
  }
  return serve(config, {
    marker: { seed, days, sites, until: new Date(until).toISOString() },
    key,
    work: (running, stopped) =>
      fillDemo(running, { ...options, from: until - days * DAY_MS, until, key, started }, output, stopped),
  })
}

interface Filling extends Omit<DemoOptions, 'until' | 'days'> {
  readonly from: number
  readonly until: number
  readonly key: string
  readonly started: number
}

async function fillDemo(
  config: Config,
  options: Filling,
  output: Output,
  stopped: AbortSignal,
): Promise<'serve' | 'stop'> {
  const { seed, from, until, key, serves, started } = options
  const live = serves && until === started
  const bar = new ProgressBar()
  const fleet = makeFleet(options)
  const note = (text: string) => output.note(text)
  const ports = { gatewayPort: config.gatewayPort, ingestPort: config.ingestPort, key, connections: AT_ONCE }
  const sender = new Sender({ ...ports, overrides: true })
  const now = new Sender({ ...ports, overrides: false })
  try {
    output.note(`Filling it with ${fleet.sites.length} sites' ${Math.round((until - from) / DAY_MS)} days:`)
    // Sessions are computed while the remaining events are sent.
    const begun = guestEvents({ fleet, seed, from: Math.max(from, until - PORTAL_DAYS * DAY_MS) })
    const told = fleetEvents({ fleet, seed, from })
    await withStore(config, note, (store) => describeFleet(config, store, fleet))
    const guests = await fill(begun, sender, until, stopped, () => bar.show(0, `${sender.sent.sessions} guests`))
    const others = await fill(told, sender, until, stopped, (at) =>
      bar.show((at - from) / (until - from), `${dayOf(new Date(at))}, ${sender.sent.logins} logins`),
    )
    await withStore(config, note, (store) =>
      derive(store, { from, until, retention: config.retention }, sender.sent, stopped, bar),
    )
    bar.clear()
    if (stopped.aborted) return 'stop'
    output.note(filledText(config, sender.sent, Date.now() - started))
    if (!serves) return 'stop'
    if (!live) return 'serve'
    let future = together(guests, others)
    for (let at = until; !stopped.aborted && at < Date.now() - CAUGHT_UP_MS;) {
      at = Date.now()
      future = await fill(future, sender, at, stopped, () => {})
    }
    await goOn(future, now, stopped)
    return 'serve'
  } finally {
    bar.clear()
    sender.close()
    now.close()
  }
}

/** Computes what is derived from the records. */
async function derive(
  store: TableStore,
  span: Parameters<typeof computeMetrics>[2],
  sent: Sent,
  stopped: AbortSignal,
  bar: ProgressBar,
): Promise<void> {
  const ofSessions = (name: string) => name === 'traffic'
  const computed = (share: number) => bar.show(share, 'metrics')
  await untilStored(store, sent, stopped, (share) => bar.show(share, 'stored'))
  await computeMetrics(
    store,
    METRICS.filter(({ name }) => !ofSessions(name)),
    span,
    stopped,
    computed,
  )
  await untilSessions(store, stopped, (share) => bar.show(share, 'sessions'))
  await computeMetrics(
    store,
    METRICS.filter(({ name }) => ofSessions(name)),
    span,
    stopped,
    computed,
  )
}

/** @throws GatepostError CONFIG_INVALID */
function requireEmpty({ dataDir, kafkaBrokers, clickhouseUrl }: Config): void {
  if (kafkaBrokers !== undefined || clickhouseUrl !== undefined) {
    throw new GatepostError(
      'CONFIG_INVALID',
      'the demo keeps everything in its data directory: unset GATEPOST_KAFKA_BROKERS and GATEPOST_CLICKHOUSE_URL',
    )
  }
  const directory = resolve(dataDir)
  if (!existsSync(directory) || readdirSync(directory).length === 0) return
  const what =
    readDemoMarker(directory) === null
      ? 'is not empty, and the demo needs an empty directory: set GATEPOST_DATA_DIR to another one'
      : 'already holds a demo: run gatepost serve to see it, or remove the directory to start again'
  throw new GatepostError('CONFIG_INVALID', `GATEPOST_DATA_DIR=${dataDir}: ${directory} ${what}`)
}

/** What an operator would enter: locations of sites, registrations of gateways, accounts. */
async function describeFleet(config: Config, store: TableStore, { sites, people }: Fleet): Promise<void> {
  const locations = sites.map(({ ip, locationId, name }) => ({ ip, location_id: locationId, name }))
  await replaceLocations(store, parseLocations(JSON.stringify(locations)))
  const accounts = people.map(({ username, contact, sponsor, createdAt }) => [
    username,
    contact,
    sponsor,
    new Date(createdAt).toISOString(),
  ])
  const csv = stringify([['username', 'contact', 'sponsor', 'created_at'], ...accounts])
  await importAccounts(store, pieces(csv), 'csv')
  const gateways = new Map<string, Registration>(
    sites.map(({ gateway, name, ip }) => [
      gateway.gwId,
      { address: gateway.address, sources: [ip], name, location: name, routed: false },
    ]),
  )
  await withAccessLog(config, ({ access }) => registerAll(access, store, gateways))
}

async function* pieces(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text)
}

function filledText(config: Config, sent: Sent, tookMs: number): string {
  const { logins, rejected, heartbeats, mistakes, sessions, auth } = sent
  return [
    `Filled in ${Math.round(tookMs / 1000)} s: ${logins} logins, ${rejected} of them rejected; ${heartbeats} heartbeats; ${sessions} portal sessions with ${auth} reports; ${mistakes} dead letters.`,
    `The dashboard: ${httpUrl(config.privateBind, config.dashboardPort)}`,
  ].join('\n')
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageFile } from '../../common/package-root.ts'
import { membersOf } from '../../log/kafka/client/test/operator.ts'
import { Instance } from '../helpers/instance.ts'
import { KafkaCluster } from '../helpers/kafka.ts'
import { Load, LOAD_TABLES, type LoadRoute } from '../helpers/load.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { run } from '../helpers/run.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { fakeClock, type FakeClock } from './clock.ts'
import { SessionLoad } from './session-load.ts'
import { smallDisk, type SmallDisk } from './small-disk.ts'

const MAX_REQUESTS = 2_000_000
const PAUSE_MS = 40
const LOOPS_PER_ROUTE = 2
const PASSWORD = 'fault-suite'

/** What shows whether an aggregator makes progress. */
const COUNTED = /^gatepost_aggregator_(rows|failures|fenced|partition_lag|joins|restarts|queued)/

/** The limit of every wait of the suite: much longer than any recovery should take. */
const SETTLE_MS = 240_000

/**
 * A whole installation on one machine: three brokers, a store server behind a proxy, two ingest processes, two aggregators, a reporter, and
 * a load on both ingest processes.
 *
 *   ingests[0]      two workers; its clock can be moved
 *   ingests[1]      one worker, on a separate disk that can be filled
 *   aggregators[0]  its clock can be moved too
 */
export class World {
  readonly kafka: KafkaCluster
  readonly proxy: TcpProxy
  readonly clock: FakeClock | null
  readonly disk: SmallDisk | null
  readonly ingests: readonly Instance[]
  readonly aggregators: readonly Instance[]
  readonly reporter: Instance
  readonly load: Load
  readonly sessions: SessionLoad
  readonly #storeServer: StoreServer
  readonly #directory: string
  readonly #env: Record<string, string>
  readonly #extra: Instance[] = []

  private constructor(parts: {
    kafka: KafkaCluster
    proxy: TcpProxy
    clock: FakeClock | null
    disk: SmallDisk | null
    ingests: Instance[]
    aggregators: Instance[]
    reporter: Instance
    storeServer: StoreServer
    directory: string
    env: Record<string, string>
  }) {
    this.kafka = parts.kafka
    this.proxy = parts.proxy
    this.clock = parts.clock
    this.disk = parts.disk
    this.ingests = parts.ingests
    this.aggregators = parts.aggregators
    this.reporter = parts.reporter
    this.#storeServer = parts.storeServer
    this.#directory = parts.directory
    this.#env = parts.env
    this.sessions = new SessionLoad(parts.ingests[1].ingestPort)
    this.load = new Load(parts.ingests, { maxRequests: MAX_REQUESTS, pauseMs: PAUSE_MS })
  }

  static async create(directory: string): Promise<World> {
    mkdirSync(directory, { recursive: true })
    const kafka = await KafkaCluster.start(join(directory, 'kafka'), { brokers: 3 })
    const storeServer = await StoreServer.start(join(directory, 'store'), { password: PASSWORD })
    const proxy = await TcpProxy.start(storeServer.port)
    const env = {
      GATEPOST_KAFKA_BROKERS: kafka.brokers.join(','),
      GATEPOST_KAFKA_PARTITIONS: '4',
      GATEPOST_CLICKHOUSE_URL: `http://admin:${PASSWORD}@127.0.0.1:${proxy.port}/gatepost`,
      GATEPOST_SECRET: 'the secret of the fault suite',
      GATEPOST_AUTH_MODE: 'open',
      // An undisturbed session without an end stays active: for longer than the suite takes.
      GATEPOST_SESSION_TIMEOUT_INTERVALS: '1000',
      GATEPOST_LOG_LEVEL: process.env['GATEPOST_LOG_LEVEL'] ?? 'info',
    }
    const gatepost = [packageFile('bin/gatepost'), 'topics', 'create']
    const created = await run(process.execPath, gatepost, { env: cleanEnv(env) })
    if (created.status !== 0) throw new Error(`topics: ${created.stdout}${created.stderr}`)
    const clock = fakeClock(join(directory, 'clock'))
    const disk = smallDisk(join(directory, 'small-disk'))
    const make = (name: string, command: 'ingest' | 'aggregator' | 'reporter', more: Record<string, string> = {}) =>
      Instance.create(join(directory, name), { ...env, ...more }, { command })
    const world = new World({
      kafka,
      proxy,
      clock,
      disk,
      ingests: [
        await make('ingest-0', 'ingest', { GATEPOST_WORKERS: '2', ...clock?.env }),
        await make('ingest-1', 'ingest', {
          GATEPOST_DATA_DIR: disk?.path ?? join(directory, 'ingest-1'),
          GATEPOST_JOURNAL_MAX_BYTES: disk === null ? '512 KiB' : '10 GiB',
        }),
      ],
      aggregators: [await make('aggregator-0', 'aggregator', clock?.env), await make('aggregator-1', 'aggregator')],
      reporter: await make('reporter', 'reporter'),
      storeServer,
      directory,
      env,
    })
    await Promise.all(world.instances.map((instance) => instance.start()))
    world.load.start(LOOPS_PER_ROUTE)
    world.sessions.start()
    return world
  }

  get instances(): Instance[] {
    return [...this.ingests, ...this.aggregators, this.reporter]
  }

  get storeServer(): StoreServer {
    return this.#storeServer
  }

  /** One more process of the installation, for the duration of a fault. */
  async extra(command: 'aggregator', env: Record<string, string> = {}): Promise<Instance> {
    const directory = join(this.#directory, `extra-${this.#extra.length}`)
    const instance = await Instance.create(directory, { ...this.#env, ...env }, { command })
    this.#extra.push(instance)
    return instance
  }

  /** Not through the proxy. */
  query<T>(sql: string): Promise<T[]> {
    return this.#storeServer.query<T>(sql)
  }

  async pauseLoad(): Promise<void> {
    await Promise.all([this.load.stop(), this.sessions.pause()])
  }

  resumeLoad(): void {
    this.load.start(LOOPS_PER_ROUTE)
    this.sessions.resume()
  }

  /**
   * Sends a record on every route to every ingest process until each is acknowledged, and waits until all of them are in their tables.
   * @returns how long that took, ms
   */
  async probe(): Promise<number> {
    const start = Date.now()
    const routes = Object.keys(LOAD_TABLES) as LoadRoute[]
    const probes = this.ingests.flatMap((target) =>
      routes.map((route) => this.#probe(route, target, start + SETTLE_MS)),
    )
    await Promise.all(probes)
    return Date.now() - start
  }

  async #probe(route: LoadRoute, target: Instance, deadline: number): Promise<void> {
    let id: string | null = null
    while (id === null) {
      if (Date.now() > deadline) throw new Error(`no ${route} is acknowledged on ${target.dataDir}:\n${target.tail()}`)
      id = await this.load.send(route, target)
      if (id === null) await sleep(100)
    }
    const { table, column } = LOAD_TABLES[route]
    for (;;) {
      const rows = await this.query<{ n: number }>(
        `SELECT toUInt32(count()) AS n FROM gatepost.${table} WHERE ${column} = '${id}'`,
      ).catch(() => [])
      if (rows.length > 0 && rows[0].n > 0) return
      if (Date.now() > deadline)
        throw new Error(`${id} was acknowledged and is not in ${table}:\n${await this.#state()}`)
      await sleep(250)
    }
  }

  /** Waits until the log and the spills are empty. @returns what remains after a long time */
  async drained(): Promise<{ lag: number; spill: number }> {
    const deadline = Date.now() + SETTLE_MS
    for (;;) {
      const lag = await sum(this.aggregators, 'gatepost_aggregator_partition_lag_batches')
      const spill = await sum(this.ingests, 'gatepost_spill_bytes')
      if ((lag === 0 && spill === 0) || Date.now() > deadline) return { lag, spill }
      await sleep(500)
    }
  }

  /** Waits until all reports that are in their table now are in the sessions. */
  async sessionsComputed(): Promise<void> {
    const deadline = Date.now() + SETTLE_MS
    const [{ now }] = await this.query<{ now: string }>('SELECT toUnixTimestamp64Milli(now64(3)) AS now')
    for (;;) {
      const rows = await this.query<{ until: string }>(
        `SELECT max(value) AS until FROM gatepost.session_settings WHERE name = 'computed_until'`,
      )
      if (Number(rows.at(0)?.until ?? 0) > Number(now)) return
      if (Date.now() > deadline) throw new Error(`the sessions are not computed:\n${await this.#state()}`)
      await sleep(500)
    }
  }

  /** The state of all processes, for a failure's message: the most useful part first, since a long message is cut. */
  async #state(): Promise<string> {
    const counted = this.aggregators.map(async (instance) => {
      const lines = (await metricsText(instance))
        .split('\n')
        .filter((line) => COUNTED.test(line) && !line.endsWith(' 0'))
      return `${instance.name}: ${lines.join(' ').replaceAll('gatepost_aggregator_', '')}`
    })
    const running = this.query<{ elapsed: number; query: string }>('SELECT elapsed, query FROM system.processes').then(
      (rows) => rows.map(({ elapsed, query }) => `${elapsed} s ${query.slice(0, 100)}`).join('; '),
      (error: unknown) => String(error),
    )
    const members = membersOf(this.kafka.options('faults'), 'gatepost-aggregator').catch(String)
    const parts = [
      `group: ${await members}`,
      ...(await Promise.all(counted)),
      ...this.aggregators.map((instance) => `--- ${instance.name}\n${instance.tail(15, 250)}`),
      `store: ${await running}`,
      `brokers: ${this.kafka.pids.join(' ')}`,
      this.tails(),
    ]
    return parts.join('\n')
  }

  /** The end of the output of every process, for a failure's message. */
  tails(): string {
    return this.instances.map((instance) => `--- ${instance.dataDir}\n${instance.tail()}`).join('\n')
  }

  async destroy(): Promise<void> {
    await Promise.all([this.load.stop(), this.sessions.stop()])
    const instances = [...this.instances, ...this.#extra]
    for (const { name, output } of instances) writeFileSync(join(this.#directory, `${name}.log`), output)
    await Promise.all(instances.map((instance) => instance.destroy()))
    await this.#storeServer.stop('SIGKILL')
    await this.proxy.close()
    await this.kafka.destroy()
    this.disk?.remove()
  }
}

/** Empty while the process does not answer. */
function metricsText(instance: Instance): Promise<string> {
  return fetch(instance.url('/metrics', instance.metricsPort), { signal: AbortSignal.timeout(10_000) }).then(
    (response) => response.text(),
    () => '',
  )
}

/** The sum of a metric over processes; NaN while one of them does not answer. */
async function sum(instances: readonly Instance[], metric: string): Promise<number> {
  const values = await Promise.all(
    instances.map(async (instance) => {
      const text = await metricsText(instance)
      const lines = text.split('\n').filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
      return lines.length === 0 ? NaN : lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
    }),
  )
  return values.reduce((total, value) => total + value, 0)
}

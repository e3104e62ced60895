import { setTimeout as sleep } from 'node:timers/promises'
import { expireRecords, remakeTopic, setOffsets } from '../../log/kafka/client/test/operator.ts'
import { pick } from '../helpers/random.ts'
import type { Instance } from '../helpers/instance.ts'
import type { World } from './world.ts'

/** A fault, which ends before `run` returns. */
export interface Fault {
  readonly name: string
  run(world: World, next: () => number): Promise<void>
}

/** Longer than a member of the consumer group may be silent. */
const LONG_STOP_MS = 13_000
const ALL_BROKERS_AWAY_MS = 60_000
/** Longer than a send may take before it goes to the spill. */
const SEND_STOP_MS = 6000

const workers = (world: World) => world.ingests.flatMap((instance) => instance.children('ingest-main'))
const readers = (world: World) => world.aggregators.flatMap((instance) => instance.children('store-main'))

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // The process has ended since it was listed.
  }
}

async function pauseProcess(pid: number, milliseconds: number): Promise<void> {
  signal(pid, 'SIGSTOP')
  await sleep(milliseconds)
  signal(pid, 'SIGCONT')
}

const killOne = (name: string, pids: (world: World) => number[]): Fault => ({
  name: `SIGKILL ${name}`,
  run: async (world, next) => {
    for (let times = 0; times < 3; times++) {
      const found = pids(world)
      if (found.length > 0) signal(pick(found, next), 'SIGKILL')
      await sleep(500 + next() * 2000)
    }
  },
})

const stopOne = (name: string, pids: (world: World) => number[]): Fault => ({
  name: `SIGSTOP ${name}`,
  run: async (world, next) => {
    const found = pids(world)
    if (found.length > 0) await pauseProcess(pick(found, next), LONG_STOP_MS)
  },
})

/** Its children detect its end and end too; then it is started again. */
const killSupervisor = (name: string, instances: (world: World) => readonly Instance[]): Fault => ({
  name: `SIGKILL ${name}`,
  run: async (world, next) => {
    const instance = pick(instances(world), next)
    await instance.stop('SIGKILL')
    await sleep(next() * 2000)
    await instance.start()
  },
})

const proxyFault = (name: string, disturb: (world: World, next: () => number) => Promise<void>): Fault => ({
  name: `store: ${name}`,
  run: async (world, next) => {
    try {
      await disturb(world, next)
    } finally {
      world.proxy.mode = 'pass'
      world.proxy.latencyMs = 0
    }
  },
})

const proxyMode = (name: string, mode: World['proxy']['mode'], milliseconds: number): Fault =>
  proxyFault(name, async (world) => {
    world.proxy.mode = mode
    await sleep(milliseconds)
  })

/** Every fault of the suite. */
export const FAULTS: readonly Fault[] = [
  killOne('ingest worker', workers),
  killSupervisor('ingest', (world) => world.ingests),
  killOne('aggregator worker', readers),
  killSupervisor('aggregator', (world) => world.aggregators),
  killSupervisor('reporter', (world) => [world.reporter]),
  stopOne('ingest worker', workers),
  stopOne('ingest', (world) => world.ingests.map(({ pid }) => pid)),
  stopOne('aggregator worker', readers),
  stopOne('aggregator', (world) => world.aggregators.map(({ pid }) => pid)),
  stopOne('reporter', (world) => [world.reporter.pid]),
  {
    name: 'SIGKILL store server',
    run: async (world, next) => {
      for (let times = 0; times < 3; times++) {
        await world.storeServer.stop('SIGKILL')
        await sleep(next() * 1000)
        await world.storeServer.restart()
        await sleep(500 + next() * 2000)
      }
    },
  },
  stopOne('store server', (world) => [world.storeServer.pid]),
  {
    name: 'SIGKILL one broker',
    run: async ({ kafka }, next) => {
      const broker = Math.floor(next() * 3)
      await kafka.kill(broker)
      await sleep(2000 + next() * 3000)
      await kafka.restart(broker)
    },
  },
  {
    name: 'SIGKILL the controller',
    run: async ({ kafka }) => {
      const broker = await kafka.controllerId()
      await kafka.kill(broker)
      await sleep(3000)
      await kafka.restart(broker)
    },
  },
  {
    name: 'SIGSTOP the controller',
    run: async ({ kafka }) => pauseProcess(kafka.pids[await kafka.controllerId()], LONG_STOP_MS),
  },
  {
    name: 'a broker moves to another address',
    run: ({ kafka }, next) => kafka.move(Math.floor(next() * 3)),
  },
  {
    name: 'all brokers away for a minute',
    run: async ({ kafka }) => {
      for (const broker of [0, 1, 2]) await kafka.kill(broker)
      await sleep(ALL_BROKERS_AWAY_MS)
      await kafka.restartAll()
    },
  },
  stopOne('one broker', ({ kafka }) => [...kafka.pids]),
  {
    name: 'SIGSTOP a broker, sends in flight resent',
    run: async ({ kafka }, next) => {
      const pid = kafka.pids[Math.floor(next() * 3)]
      await pauseProcess(pid, SEND_STOP_MS)
    },
  },
  {
    name: 'two brokers stopped: too few copies',
    run: async ({ kafka }, next) => {
      const left = Math.floor(next() * 3)
      const stopped = kafka.pids.filter((_, broker) => broker !== left)
      for (const pid of stopped) signal(pid, 'SIGSTOP')
      await sleep(LONG_STOP_MS)
      for (const pid of stopped) signal(pid, 'SIGCONT')
    },
  },
  proxyMode('unreachable', 'refuse', 8000),
  proxyMode('hanging', 'hang', 8000),
  proxyMode('answers lost', 'drop-answers', 5000),
  proxyMode('answers errors', 'error', 5000),
  proxyFault('slow', async (world) => {
    world.proxy.latencyMs = 1500
    await sleep(8000)
  }),
  proxyFault('connections cut', async (world, next) => {
    for (let times = 0; times < 20; times++) {
      world.proxy.cut()
      await sleep(100 + next() * 400)
    }
  }),
  proxyMode('requests delivered late', 'hold', 8000),
  {
    name: 'spill disk full while Kafka is away',
    run: async (world) => {
      for (const broker of [0, 1, 2]) await world.kafka.kill(broker)
      await sleep(2000)
      world.disk?.fill()
      await sleep(5000)
      world.disk?.free()
      await sleep(1000)
      await world.kafka.restartAll()
    },
  },
  {
    name: 'a worker dies with its spill, another adopts it',
    run: async (world) => {
      for (const broker of [0, 1, 2]) await world.kafka.kill(broker)
      await sleep(4000)
      const [ingest] = world.ingests
      await ingest.stop('SIGKILL')
      await ingest.start({ GATEPOST_WORKERS: '1' })
      await sleep(1000)
      await world.kafka.restartAll()
      await sleep(5000)
      await ingest.stop()
      await ingest.start()
    },
  },
  {
    name: 'clock steps',
    run: async ({ clock }, next) => {
      for (const seconds of [7200, -3600, 30, -30, Math.round(next() * 600), 0]) {
        clock?.step(seconds)
        await sleep(1500)
      }
    },
  },
  {
    name: 'two aggregators on the same partitions',
    run: async (world) => {
      const other = await world.extra('aggregator', { GATEPOST_KAFKA_GROUP: 'another-group' })
      await other.start()
      await sleep(8000)
      await other.stop()
    },
  },
  {
    name: 'rebalance storm',
    run: async (world, next) => {
      const third = await world.extra('aggregator')
      for (let times = 0; times < 4; times++) {
        await third.start()
        await sleep(next() * 1500)
        await third.stop(next() < 0.5 ? 'SIGKILL' : 'SIGTERM')
      }
    },
  },
  {
    name: 'a topic deleted and made anew',
    run: async (world) => {
      // Deleting a topic deletes its messages, which is what the operator asked for: so the topic is empty here.
      await world.pauseLoad()
      const left = await world.drained()
      if (left.lag !== 0 || left.spill !== 0) throw new Error(`not drained: ${JSON.stringify(left)}`)
      await remakeTopic(world.kafka.options('faults'), 'gatepost.pings', { partitions: 4, replication: 3 }, () => {
        world.resumeLoad()
        return sleep(3000)
      })
    },
  },
  {
    name: 'stored records expire in Kafka',
    run: async (world) => {
      // Records that are not stored yet would be lost, which is what the operator asked for.
      await world.pauseLoad()
      const left = await world.drained()
      if (left.lag !== 0 || left.spill !== 0) throw new Error(`not drained: ${JSON.stringify(left)}`)
      for (const topic of ['gatepost.pings', 'gatepost.auth', 'gatepost.post-auth']) {
        await expireRecords(world.kafka.options('faults'), topic)
      }
      await world.aggregators[0].stop()
      world.resumeLoad()
      await world.aggregators[0].start()
    },
  },
  {
    name: 'committed offsets reset by hand',
    run: async (world, next) => {
      await Promise.all(world.aggregators.map((instance) => instance.stop()))
      const topics = ['gatepost.pings', 'gatepost.auth', 'gatepost.post-auth']
      await setOffsets(
        world.kafka.options('faults'),
        'gatepost-aggregator',
        topics,
        next() < 0.5 ? 'latest' : 'earliest',
      )
      await sleep(1000)
      await Promise.all(world.aggregators.map((instance) => instance.start()))
    },
  },
  {
    name: 'a view that throws',
    run: async (world) => {
      const target = 'gatepost.throwing_target'
      await world.storeServer.command(
        `CREATE TABLE IF NOT EXISTS ${target} (n UInt8) ENGINE = Null COMMENT 'of a test'`,
      )
      for (const table of ['gateway_pings', 'post_auth']) {
        await world.storeServer.command(
          `CREATE MATERIALIZED VIEW gatepost.throwing_${table} TO ${target} AS ` +
            `SELECT throwIf(rand() % 200 = 0)::UInt8 AS n FROM gatepost.${table}`,
        )
      }
      await sleep(8000)
      for (const table of ['gateway_pings', 'post_auth']) {
        await world.storeServer.command(`DROP VIEW gatepost.throwing_${table} SYNC`)
      }
      await world.storeServer.command(`DROP TABLE ${target} SYNC`)
    },
  },
  {
    name: 'rolling restart of everything',
    run: async (world) => {
      for (const instance of world.instances) {
        await instance.stop()
        await instance.start()
      }
      for (const broker of [0, 1, 2]) {
        await world.kafka.kill(broker, 'SIGTERM')
        await world.kafka.restart(broker)
      }
      await world.storeServer.stop('SIGTERM')
      await world.storeServer.restart()
    },
  },
]

/** Faults that need something that this machine does not have. */
export function impossible(world: World): Map<string, string> {
  const missing = new Map<string, string>()
  if (world.clock === null) missing.set('clock steps', 'libfaketime is not installed (package faketime)')
  if (world.disk === null) missing.set('spill disk full while Kafka is away', 'file systems cannot be mounted')
  return missing
}

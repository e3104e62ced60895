import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { pino } from 'pino'
import { messageOf } from '../../common/errors.ts'
import type { KafkaOptions } from '../../log/kafka/client/port.ts'
import { knownBrokers } from '../../log/kafka/client/test/operator.ts'
import './need-kafka.ts'
import { kafkaClassPath, kafkaTool } from './kafka-jars.ts'
import { freePorts } from './instance.ts'
import { whenStopped } from './stopped.ts'
import { NEVER_MS } from './until.ts'
import {
  makeCertificates,
  scramArguments,
  serverProperties,
  type BrokerPorts,
  type KafkaSettings,
} from './kafka-settings.ts'

const CLUSTER_ID = 'Z2F0ZXBvc3QtdGVzdC0wMQ'

/** Brokers that a test file did not stop: they are killed at its end. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Real brokers on 127.0.0.1, each of them broker and controller in one process, on ports that they keep across restarts.
 * Topics are not created automatically.
 */
export class KafkaCluster {
  readonly #directory: string
  readonly #settings: KafkaSettings
  readonly #ports: BrokerPorts[]
  readonly #children: (ChildProcess | null)[]
  /** File of the authority that signed the brokers' certificate; null: no TLS. */
  readonly ca: string | null

  private constructor(directory: string, settings: KafkaSettings, ports: BrokerPorts[]) {
    this.#directory = directory
    this.#settings = settings
    this.#ports = ports
    this.#children = ports.map(() => null)
    mkdirSync(directory, { recursive: true })
    this.ca = settings.tls ? makeCertificates(directory) : null
  }

  /** Starts brokers with their data in `directory`, and waits until each of them has joined the cluster. */
  static async start(directory: string, settings: KafkaSettings): Promise<KafkaCluster> {
    const numbers = await freePorts(3 * settings.brokers)
    const ports = Array.from({ length: settings.brokers }, (_, id) => {
      const [client, internal, controller] = numbers.slice(id * 3)
      return { client, internal, controller }
    })
    const cluster = new KafkaCluster(directory, settings, ports)
    await Promise.all(ports.map((_, id) => cluster.#format(id)))
    await cluster.#startAll()
    return cluster
  }

  /** host:port of every broker, as clients connect. */
  get brokers(): string[] {
    return this.#ports.map(({ client }) => `127.0.0.1:${client}`)
  }

  /** Process ids; 0 for a broker that is not running. */
  get pids(): number[] {
    return this.#children.map((child) => (child !== null && isRunning(child) ? (child.pid as number) : 0))
  }

  /** The options with which a client connects to this cluster. */
  options(clientId = 'test', overrides: Partial<KafkaOptions> = {}): KafkaOptions {
    const { sasl } = this.#settings
    return {
      brokers: this.brokers,
      clientId,
      tls: this.ca === null ? null : { ca: readFileSync(this.ca, 'utf8') },
      sasl: sasl === undefined ? null : { mechanism: 'plain', ...sasl },
      logger: pino({ level: 'silent' }),
      ...overrides,
    }
  }

  /** Sends a signal to a broker; after SIGKILL and SIGTERM it waits for its end. */
  async kill(id: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#children[id]
    if (child === null || !isRunning(child)) return
    const exit = once(child, 'exit')
    child.kill(signal)
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await exit
    if (signal === 'SIGSTOP' && child.pid !== undefined) await whenStopped(child.pid)
  }

  /** Starts a killed broker again, and waits until it has joined the cluster. */
  async restart(id: number): Promise<void> {
    await this.kill(id)
    await this.#spawn(id)
    await this.#ready([id])
  }

  /** Starts a broker again with another address, which clients have to learn from the other brokers. */
  async move(id: number): Promise<void> {
    await this.kill(id, 'SIGTERM')
    const [client] = await freePorts(1)
    this.#ports[id] = { ...this.#ports[id], client }
    const config = this.#path(`broker-${id}.properties`)
    writeFileSync(config, serverProperties(this.#settings, id, this.#ports, this.#directory))
    await this.restart(id)
  }

  /** Starts all brokers that are not running at the same time: a quorum needs more than one of them. */
  async #startAll(): Promise<void> {
    const ids = this.#ports.map((_, id) => id).filter((id) => this.pids[id] === 0)
    for (const id of ids) await this.#spawn(id)
    await this.#ready(ids)
  }

  /** Starts all brokers again that were killed. */
  async restartAll(): Promise<void> {
    await this.#startAll()
  }

  /** Kills every broker, in any state. */
  async stop(): Promise<void> {
    await Promise.all(this.#children.map((_, id) => this.kill(id)))
  }

  /** The same as stop(): no process remains. */
  async destroy(): Promise<void> {
    await this.stop()
  }

  /** The active controller. A client's metadata does not show it: any broker may name itself or another one. */
  async controllerId(): Promise<number> {
    const deadline = Date.now() + NEVER_MS
    for (;;) {
      try {
        return await this.#leader()
      } catch (error) {
        // The tool gives up during an election, or on a busy machine.
        if (Date.now() > deadline) throw error
      }
    }
  }

  async #leader(): Promise<number> {
    const alive = this.#ports.filter((_, id) => this.pids[id] !== 0)
    const text = await kafkaTool(
      'org.apache.kafka.tools.MetadataQuorumCommand',
      '--bootstrap-controller',
      alive.map(({ controller }) => `127.0.0.1:${controller}`).join(','),
      'describe',
      '--status',
    )
    const match = /LeaderId:\s+(\d+)/.exec(text)
    if (match === null) throw new Error(`no leader in:\n${text}`)
    return Number(match[1])
  }

  /** The output of a broker. */
  output(id: number): string {
    return readFileSync(this.#path(`broker-${id}.log`), 'utf8')
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }

  async #format(id: number): Promise<void> {
    const config = this.#path(`broker-${id}.properties`)
    writeFileSync(config, serverProperties(this.#settings, id, this.#ports, this.#directory))
    const arguments_ = ['format', '-t', CLUSTER_ID, '-c', config, ...scramArguments(this.#settings)]
    await kafkaTool('kafka.tools.StorageTool', ...arguments_)
  }

  async #spawn(id: number): Promise<void> {
    const flags = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
    const classPath = await kafkaClassPath()
    const log = openSync(this.#path(`broker-${id}.log`), 'a')
    const config = this.#path(`broker-${id}.properties`)
    const child = spawn('java', [...flags, quiet, '-cp', classPath, 'kafka.Kafka', config], {
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    running.add(child)
    child.once('exit', () => running.delete(child))
    this.#children[id] = child
  }

  /** Waits until these brokers answer and are members of the cluster. */
  async #ready(ids: readonly number[]): Promise<void> {
    const deadline = Date.now() + NEVER_MS
    for (const id of ids) {
      for (;;) {
        const dead = ids.find((other) => this.pids[other] === 0)
        if (dead !== undefined) throw new Error(`broker ${dead} ended:\n${this.output(dead)}`)
        const problem = await this.#probe(id, ids)
        if (problem === null) break
        if (Date.now() > deadline) throw new Error(`broker ${id} is not ready: ${problem}\n${this.output(id)}`)
        await sleep(100)
      }
    }
  }

  async #probe(id: number, ids: readonly number[]): Promise<string | null> {
    try {
      const known = await knownBrokers(this.options('ready', { brokers: [this.brokers[id]] }))
      return ids.every((other) => known.includes(other)) ? null : `it knows of brokers ${known.join(', ')} only`
    } catch (error) {
      return messageOf(error)
    }
  }
}

/** One broker for a test file; it is stopped when the test ends. */
export async function singleBroker(t: Test, settings: Partial<KafkaSettings> = {}): Promise<KafkaCluster> {
  const cluster = await KafkaCluster.start(join(t.testdir(), 'kafka'), { brokers: 1, ...settings })
  t.teardown(() => cluster.destroy())
  return cluster
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

import { readdir, rm } from 'node:fs/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { slotDirectory, SEALED_SUFFIX } from '../log/journal/layout.ts'
import { Instance } from '../test/helpers/instance.ts'
import { Child } from './child.ts'

/** A server under load. */
export interface Server {
  readonly name: string
  readonly meaning: string
  readonly port: number
  /** Of the gateway listener, where there is one. */
  readonly gatewayPort?: number
  /** Whether its answers promise that the record is kept: a sample of them is then looked at. */
  readonly promises: boolean
  /** Waits until it works off nothing any more, so that the next server has the machine to itself. */
  readonly settle: () => Promise<void>
  readonly stop: () => Promise<void>
}

export type Ack = 'durable' | 'fast'

const nothing = () => Promise.resolve()

export async function startBare(kind: 'uws' | 'net'): Promise<Server> {
  const child = await Child.start('serve-bare.js', [kind])
  return {
    name: kind === 'uws' ? 'bare uWebSockets' : 'bare node:net',
    meaning: 'keeps nothing',
    port: child.ports[0],
    promises: false,
    settle: nothing,
    stop: () => child.stop(),
  }
}

/** The ingest worker without a store process: what one core of ingest takes. */
export async function startIngest(ack: Ack): Promise<Server> {
  const directory = temporaryDirectory()
  const child = await Child.start('serve-ingest.js', [join(directory, 'journal'), ack])
  return {
    name: `ingest alone, ${ack}`,
    meaning: `the ingest worker with its journal, no store beside it`,
    port: child.ports[0],
    gatewayPort: child.ports[1],
    promises: ack === 'durable',
    settle: nothing,
    stop: async () => {
      await child.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** All of it, as a user runs it: the store inserts the records on the same cores while the load runs. */
export async function startServe(ack: Ack): Promise<{ server: Server; instance: Instance }> {
  const directory = temporaryDirectory()
  const instance = await Instance.create(directory, { GATEPOST_ACK: ack, GATEPOST_AUTH_MODE: 'open' })
  await instance.start()
  const server: Server = {
    name: `gatepost serve, ${ack}`,
    meaning: 'bin/gatepost serve: the store inserts on the same cores',
    port: instance.ingestPort,
    gatewayPort: instance.gatewayPort,
    promises: ack === 'durable',
    settle: () => journalDrained(join(directory, 'journal')),
    stop: async () => {
      await instance.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
  return { server, instance }
}

/** Longest wait for the store to insert what a load left in the journal. */
const DRAIN_WITHIN_MS = 30_000
/** A segment is sealed this long after its first record, at the latest. */
const SEALED_AFTER_MS = 600

async function journalDrained(journal: string): Promise<void> {
  const deadline = Date.now() + DRAIN_WITHIN_MS
  do await new Promise((resolve) => setTimeout(resolve, SEALED_AFTER_MS))
  while (
    Date.now() < deadline &&
    (await readdir(slotDirectory(journal, 0))).some((name) => name.endsWith(SEALED_SUFFIX))
  )
}

/** Made below the system's; gone when this process is, however it ends. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gatepost-bench-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Ends servers in the order they were started, also when the bench is interrupted. */
export class Servers {
  readonly #started: Server[] = []

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => void this.stop().finally(() => process.exit(1)))
  }

  async add(starting: Promise<Server>): Promise<Server> {
    const server = await starting
    this.#started.push(server)
    return server
  }

  async stop(): Promise<void> {
    for (const server of this.#started.splice(0)) await server.stop()
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import { packageFile } from '../../common/package-root.ts'
import { loadMigrations } from '../../store/migrations.ts'
import { run } from '../helpers/run.ts'
import { SERVICES_VARIABLE, type ServiceName } from '../helpers/services.ts'

/**
 * What test files of one run share, each made for the first file that asks for it: a Kafka broker, and a directory of the embedded store
 * with its tables, to be copied. A store server is not shared: it starts in less than a second, and the database has one name only.
 */
export class Services {
  readonly #server: Server
  /** Of a run around this one, as `make watch` is: its services are used. */
  readonly #outer = process.env[SERVICES_VARIABLE]
  #directory: string | null = null
  #broker: Promise<{ brokers: string[]; destroy: () => Promise<void> }> | null = null
  /** By the last migration's checksum: whoever watches may be writing it. */
  readonly #stores = new Map<string, Promise<{ path: string }>>()

  private constructor() {
    const services: Record<ServiceName, () => Promise<object>> = {
      kafka: async () => ({ brokers: (await (this.#broker ??= this.#startBroker())).brokers }),
      store: () => this.#store(),
    }
    this.#server = createServer((request, response) => {
      const name = request.url?.slice(1) ?? ''
      if (name !== 'kafka' && name !== 'store') {
        response.writeHead(404).end()
        return
      }
      services[name]().then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => response.writeHead(500).end(messageOf(error)),
      )
    })
  }

  static async start(): Promise<Services> {
    const services = new Services()
    await new Promise<void>((resolve) => services.#server.listen(0, '127.0.0.1', resolve))
    services.#server.unref()
    return services
  }

  /** Variables by which test files find them. */
  get env(): Record<string, string> {
    return { [SERVICES_VARIABLE]: this.#outer ?? `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` }
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    const broker = await this.#broker?.catch(() => null)
    await broker?.destroy()
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join((this.#directory ??= mkdtempSync(join(tmpdir(), 'gatepost-tests-'))), name)
  }

  async #startBroker() {
    // Imported late: it ends a process that cannot have a broker.
    const { KafkaCluster } = await import('../helpers/kafka.ts')
    return KafkaCluster.start(this.#path('kafka'), { brokers: 1 })
  }

  #store(): Promise<{ path: string }> {
    const newest = loadMigrations().at(-1)?.checksum ?? 'none'
    const store = this.#stores.get(newest) ?? makeTables(this.#path(`store-${newest.slice(0, 12)}`))
    this.#stores.set(newest, store)
    return store
  }
}

/** In a process of its own: the engine stays in whichever has opened it. */
async function makeTables(path: string): Promise<{ path: string }> {
  const { status, stderr } = await run(process.execPath, [packageFile('dist/test/helpers/migrated-store.js'), path])
  if (status !== 0) throw new Error(`the tables were not made: ${stderr}`)
  return { path }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../common/errors.ts'
import { SERVICES_VARIABLE } from '../helpers/shared-broker.ts'

/**
 * What test files of one run share: a Kafka broker, started for the first file that asks for it. A store server is not shared: it starts in
 * less than a second, and the database has one name only.
 */
export class Services {
  readonly #server: Server
  /** Of a run around this one, as `make watch` is: its services are used. */
  readonly #outer = process.env[SERVICES_VARIABLE]
  #directory: string | null = null
  #broker: Promise<{ brokers: string[]; destroy: () => Promise<void> }> | null = null

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url !== '/kafka') {
        response.writeHead(404).end()
        return
      }
      this.#broker ??= this.#start()
      this.#broker.then(
        ({ brokers }) => response.end(JSON.stringify({ brokers })),
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

  async #start() {
    // Imported late: it ends a process that cannot have a broker.
    const { KafkaCluster } = await import('../helpers/kafka.ts')
    this.#directory = mkdtempSync(join(tmpdir(), 'gatepost-tests-'))
    return KafkaCluster.start(join(this.#directory, 'kafka'), { brokers: 1 })
  }
}

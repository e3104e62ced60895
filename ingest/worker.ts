import type { Logger } from '../common/logger.ts'
import { lockDirectory, type DirectoryLock } from '../common/directory-lock.ts'
import { makeDirectory } from '../log/journal/disk.ts'
import { SLOT_LOCK, slotDirectory } from '../log/journal/layout.ts'
import { recoverSlot } from '../log/journal/recover.ts'
import { JournalWriter } from '../log/journal/writer.ts'
import { App } from './app.ts'
import type { AuthMode } from './access/decisions.ts'
import { TrustedProxies } from './client-address.ts'
import { BulkListener } from './listeners/bulk.ts'
import { GatewayListener } from './listeners/gateway.ts'

export interface IngestOptions {
  /** <data directory>/journal, and which slot of it this worker writes. */
  readonly journal: string
  readonly slot: number
  readonly slotMaxBytes: number
  readonly segmentMaxBytes: number
  readonly sealAfterMs: number
  readonly bind: string
  readonly gatewayPort: number
  readonly ingestPort: number
  readonly trustedProxies: readonly string[]
  readonly authMode: AuthMode
  readonly secret: string
  readonly ack: 'durable' | 'fast'
  readonly logger: Logger
}

/** A predecessor that is being killed may hold the slot for a moment. */
const SLOT_WAIT_MS = 15_000

/** Requests that were read before the listeners closed are answered within this. */
const LAST_REQUESTS_MS = 100

/** One ingest worker: its slot of the journal, the routes, both listeners. */
export class IngestWorker {
  readonly app: App
  readonly journal: JournalWriter
  readonly bulk: BulkListener
  readonly gateway: GatewayListener
  readonly #lock: DirectoryLock

  private constructor(options: IngestOptions, journal: JournalWriter, lock: DirectoryLock) {
    this.#lock = lock
    this.journal = journal
    this.app = new App({
      log: journal,
      authMode: options.authMode,
      secret: options.secret,
      ack: options.ack,
      logger: options.logger,
    })
    const proxies = new TrustedProxies(options.trustedProxies)
    this.bulk = new BulkListener(this.app, proxies)
    this.gateway = new GatewayListener(this.app, proxies)
  }

  /**
   * Takes the slot, recovers what its last worker left open, and listens.
   * @throws GatepostError DIRECTORY_LOCKED; Error of a listener that has no port
   */
  static async start(options: IngestOptions): Promise<IngestWorker> {
    const directory = slotDirectory(options.journal, options.slot)
    await makeDirectory(directory)
    const lock = await lockDirectory(directory, SLOT_LOCK, SLOT_WAIT_MS)
    await recoverSlot(directory, options.logger)
    const journal = await JournalWriter.open({
      directory,
      maxBytes: options.slotMaxBytes,
      segmentMaxBytes: options.segmentMaxBytes,
      sealAfterMs: options.sealAfterMs,
      logger: options.logger,
    })
    const worker = new IngestWorker(options, journal, lock)
    await worker.bulk.listen(options.bind, options.ingestPort)
    await worker.gateway.listen(options.bind, options.gatewayPort)
    return worker
  }

  /** Stop accepting, answer what was read, commit, seal. */
  async drain(): Promise<void> {
    this.bulk.stopAccepting()
    this.gateway.stopAccepting()
    await this.app.records.flush()
    await new Promise((resolve) => setTimeout(resolve, LAST_REQUESTS_MS))
    await this.app.records.flush()
    // From here on nobody is answered any more, so what still arrives is not acknowledged.
    this.bulk.close()
    this.gateway.close()
    await this.app.records.flush()
    await this.journal.close()
    await this.#lock.release()
  }
}

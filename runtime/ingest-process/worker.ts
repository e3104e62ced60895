import { Certificate, type CertificateFiles } from '../../common/certificate.ts'
import type { Logger } from '../../common/logger.ts'
import { TrustedProxies } from '../../common/trusted-proxies.ts'
import { App } from '../../ingest/app.ts'
import { reportLiveness } from '../../access/liveness.ts'
import type { LogWriter } from '../../log/contract.ts'
import { GROUP_COMMIT } from '../../ingest/batcher.ts'
import type { AuthMode } from '../../access/decisions.ts'
import { workerBounds, type WorkerBounds } from '../../ingest/listeners/bounds.ts'
import { openFilesWarning, type ListenerLimits } from '../../ingest/listeners/limits.ts'
import { BulkListener } from '../../ingest/listeners/bulk.ts'
import { GatewayChannels } from '../../ingest/channel/channels.ts'
import { GatewayListener } from '../../ingest/listeners/gateway.ts'
import type { UserRules } from '../../ingest/encode/post-auth.ts'
import { openPortal, type PortalOptions } from '../../portal/open.ts'
import type { Portal } from '../../portal/portal.ts'
import { ReceivedAt } from '../../ingest/listeners/received-at.ts'
import type { ListenerName } from '../../ingest/http.ts'
import type { GatewayReports } from '../../ingest/gateway-reports.ts'
import type { Records } from '../../ingest/records.ts'
import type { WriterOptions } from '../../ingest/writers/writers.ts'
import type { IngestLog, IngestLogOptions } from './ingest-log.ts'
import { UserNames, type UserNamesOption } from './user-names.ts'
import { openIngestLog } from './open-log.ts'

/** TLS of a worker's listeners. */
export interface WorkerTls {
  /** Null: none speaks TLS. */
  readonly certificate: CertificateFiles | null
  readonly listeners: readonly ListenerName[]
}

export interface IngestOptions {
  readonly log: IngestLogOptions
  readonly bind: string
  readonly gatewayPort: number
  readonly ingestPort: number
  readonly trustedProxies: readonly string[]
  readonly writers: WriterOptions
  /** Days for which logins are kept. */
  readonly loginsKeptDays: number
  /** Days for which RADIUS accounting is kept. */
  readonly accountingKeptDays: number
  readonly userNames: UserNamesOption
  /** Users whose reports are answered and make no record. */
  readonly probeUsers: readonly string[]
  readonly tls: WorkerTls
  /** Unset: the defaults. */
  readonly listenerLimits?: ListenerLimits
  readonly authMode: AuthMode
  /** Token keys: the first signs. */
  readonly secrets: readonly [string, ...string[]]
  readonly ack: 'durable' | 'fast'
  /** Null: another system has the portal and issues the tokens. */
  readonly portal: PortalOptions | null
  /** Whether gateways may keep a channel open. */
  readonly gatewayChannel?: boolean
  /** In a demo: requests with this key may set their receive time. Null: no demo. */
  readonly demoKey: string | null
  readonly logger: Logger
}

/** Maximum number of batches of a topic in a demo's worker: as many as the journal accepts at once. */
export const DEMO_BATCHES = 64

/** Time for requests that were read before the listeners closed to be answered. */
const LAST_REQUESTS_MS = 100

/** One ingest worker: the record log, the routes, and both listeners. */
export class IngestWorker {
  readonly app: App
  readonly log: IngestLog
  readonly bulk: BulkListener
  readonly gateway: GatewayListener
  /** Null: gateways keep none open. */
  readonly channels: GatewayChannels | null
  /** Null: no listener speaks TLS. */
  readonly certificate: Certificate | null
  readonly bounds: WorkerBounds
  readonly #stopLiveness: () => void

  private constructor(options: IngestOptions, log: IngestLog) {
    this.log = log
    this.app = new App({
      log: options.demoKey === null ? log.writer : withManyBatches(log.writer),
      access: log.access,
      authMode: options.authMode,
      secrets: options.secrets,
      ack: options.ack,
      writers: options.writers,
      loginsKeptDays: options.loginsKeptDays,
      accountingKeptDays: options.accountingKeptDays,
      users: usersOf(options, log),
      portal: portalOf(options, log),
      logger: options.logger,
    })
    const proxies = new TrustedProxies(options.trustedProxies)
    const receivedAt = options.demoKey === null ? null : new ReceivedAt(options.demoKey)
    const { certificate: files, listeners } = options.tls
    const certificate = files === null ? null : new Certificate(files, options.logger)
    this.certificate = certificate
    this.bounds = workerBounds(proxies, options.listenerLimits)
    const warning = openFilesWarning(this.bounds.bulk.gate.limits)
    if (warning !== null) options.logger.warn({ event: 'process.open_files' }, warning)
    const of = (name: ListenerName) => (listeners.includes(name) ? certificate : null)
    this.bulk = new BulkListener(this.app, proxies, receivedAt, of('bulk'), this.bounds.bulk)
    this.gateway = new GatewayListener(this.app, proxies, receivedAt, of('gateway'), this.bounds.gateway)
    this.channels = options.gatewayChannel === true ? new GatewayChannels(log.access, this.app.records) : null
    if (this.channels !== null) this.gateway.serveChannels(this.channels)
    certificate?.whenChanged(() => {
      if (of('bulk') !== null) this.bulk.renewCertificate()
      if (of('gateway') !== null) this.gateway.renewCertificate()
    })
    this.#stopLiveness = reportLiveness(log.access)
  }

  /**
   * Opens the log and starts listening.
   * @throws GatepostError of openIngestLog(); Error of a listener whose port is in use
   */
  static async start(options: IngestOptions): Promise<IngestWorker> {
    const worker = new IngestWorker(options, await openIngestLog(options.log, options.secrets, options.logger))
    await worker.bulk.listen(options.bind, options.ingestPort)
    await worker.gateway.listen(options.bind, options.gatewayPort)
    return worker
  }

  /** Stop accepting, answer what was read, commit, seal. */
  async drain(): Promise<void> {
    this.#stopLiveness()
    this.certificate?.close()
    this.bulk.stopAccepting()
    this.gateway.stopAccepting()
    await this.app.records.flush()
    await new Promise((resolve) => setTimeout(resolve, LAST_REQUESTS_MS))
    await this.app.records.flush()
    // From here on nothing is answered, so nothing that still arrives is acknowledged.
    this.bulk.close()
    this.gateway.close()
    await this.app.records.flush()
    this.app.portal?.close()
    await this.log.close()
  }
}

/** A demo's records are seconds apart, so each is its own batch; allow many batches per commit. */
function withManyBatches(log: LogWriter): LogWriter {
  return {
    batching: { ...(log.batching ?? GROUP_COMMIT), maxBatches: DEMO_BATCHES },
    nextPartition: (stream) => log.nextPartition(stream),
    append: (batch) => log.append(batch),
    close: () => log.close(),
  }
}

function usersOf({ userNames, probeUsers, logger }: IngestOptions, { access }: IngestLog): () => UserRules {
  const rule = new UserNames(userNames, access, logger)
  const probes = new Set(probeUsers)
  return () => ({ probes, userNames: rule.current })
}

function portalOf({ portal, secrets, logger }: IngestOptions, { access }: IngestLog) {
  if (portal === null) return undefined
  return (records: Records, reports: GatewayReports): Portal =>
    openPortal(portal, { secrets, access, records, reports, logger })
}

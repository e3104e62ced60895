import cluster from 'node:cluster'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../../common/logger.ts'
import type { Config } from '../config/config.ts'
import { ManagedProcess } from './managed-process.ts'
import type { Refused } from '../../reporter/dashboard/options.ts'
import { publisherOptions } from '../config/publish-options.ts'
import type { IngestStart, ReportsStart, StoreDescription, StoreStart } from '../messages.ts'
import { portalOptions } from '../config/portal-options.ts'
import type { RecordLog } from './record-log.ts'
import { withSecond } from './secret.ts'

/** uWebSockets takes 4 KiB of request line and headers unless told otherwise; node:http takes this much. */
const REQUEST_HEAD_BYTES = '16384'

/** A process with the embedded engine needs a thread for each query that runs, beside those of its files. */
const STORE_THREADS = '16'

/**
 * The ingest workers of this instance, not started. Once per process: node:cluster has one setting.
 * @param demoKey see IngestOptions
 */
export function ingestWorkers(
  config: Config,
  log: RecordLog,
  secret: string,
  logger: Logger,
  demoKey: string | null = null,
): ManagedProcess[] {
  // Workers accept connections themselves: a primary that hands out each one costs more than the request.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: childFile('../ingest-process/ingest-main.js'), args: [] })
  // The first worker that was ever ready has compared the token key with that of the installation.
  let secretKnown = false
  return Array.from({ length: config.workers }, (_, slot) => {
    const worker = new ManagedProcess({
      name: `ingest-${slot}`,
      fork: () => cluster.fork({ UWS_HTTP_MAX_HEADERS_SIZE: REQUEST_HEAD_BYTES }).process,
      start: (): IngestStart => ({
        log: log.worker(slot, secretKnown),
        bind: config.bind,
        gatewayPort: config.gatewayPort,
        ingestPort: config.ingestPort,
        trustedProxies: config.trustedProxies ?? [],
        authMode: config.authMode,
        secrets: withSecond(secret, config.secondSecret),
        ack: config.ack,
        portal: portalOptions(config),
        demoKey,
      }),
      logger,
    })
    void worker.whenReady().then(() => (secretKnown = true))
    return worker
  })
}

/** What a process with the store is called: it says whom it shares its machine with. */
export type StoreRole = 'store' | 'aggregator' | 'reporter'

/** A process with the store, not started. `refused`: what the ingest workers beside it did not take. */
export function storeProcess(
  role: StoreRole,
  start: StoreStart,
  logger: Logger,
  refused?: () => Promise<readonly Refused[]>,
): ManagedProcess {
  let wasReady = false
  const child = new ManagedProcess({
    name: role,
    // The role is for the process list, and for the child's priority.
    fork: () =>
      fork(childFile('../store-process/store-main.js'), [role], {
        env: { ...process.env, UV_THREADPOOL_SIZE: STORE_THREADS },
      }),
    // Beside ingest, one that has read Kafka before need not wait for it: that it cannot be read now is an outage.
    start: (): StoreStart => ({
      ...start,
      waitsForLog: start.waitsForLog || (wasReady && role === 'store' && start.log?.kind === 'kafka'),
    }),
    ...(refused === undefined ? {} : { refused }),
    logger,
  })
  void child.whenReady().then(() => (wasReady = true))
  return child
}

/** The store that the configuration names. */
export function storeDescription(config: Config, dataDir: string): StoreDescription {
  if (config.clickhouseUrl !== undefined)
    return { kind: 'server', url: config.clickhouseUrl, cluster: config.clickhouseCluster }
  return {
    kind: 'embedded',
    dataDir,
    endpoint: {
      host: config.privateBind,
      port: config.sqlPort,
      password: config.sqlPassword,
      adminPassword: config.sqlAdminPassword,
      allowedHosts: config.allowedHosts ?? [],
    },
  }
}

function childFile(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

/** Where and when the configuration wants results to go out. */
export function reportsStart(config: Config): ReportsStart {
  const { publishAtMinute, locationsUrl: source, locationsEveryMs: everyMs, history } = config
  const locations = source === undefined ? null : { source, everyMs }
  return { publishers: publisherOptions(config), publishAtMinute, locations, history }
}

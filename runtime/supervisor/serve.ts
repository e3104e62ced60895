import { createLogger } from '../../common/logger.ts'
import { loadUws } from '../../ingest/listeners/uws.ts'
import type { Config } from '../config/config.ts'
import { readLimits, readPolicies } from '../config/policies.ts'
import { readRadiusDae } from '../config/radius-dae.ts'
import { serveBanner } from './banner.ts'
import { ingestWorkers, reportsStart, storeDescription, storeProcess } from './children.ts'
import { assertGuarded, dashboardStart } from './dashboard.ts'
import { readDemoMarker, writeDemoMarker, type DemoMarker } from './demo-marker.ts'
import type { ManagedProcess } from './managed-process.ts'
import { ownDirectory } from './own-directory.ts'
import { withPorts } from './ports.ts'
import { prepareRecordLog, type RecordLog } from './record-log.ts'
import { refusedBy } from './refused.ts'
import { run } from './run.ts'
import { alertSecret, tokenSecret, withSecond } from './secret.ts'
import { reportLeft, stopWorkers } from './stop.ts'
import { assertCertificate } from './tls.ts'
import { assertWritersKnown } from './writers.ts'

/** Additional options of a demo instance. */
export interface Demo {
  readonly marker: DemoMarker
  /** See IngestOptions. */
  readonly key: string
  /** Fills the demo once the instance is up. @param config with the actual ports */
  readonly work: (config: Config, stopped: AbortSignal) => Promise<'serve' | 'stop'>
}

/**
 * Runs everything on this machine: the ingest workers, and one process that stores their records. Log and store may each be a server.
 * @returns the exit status, see run()
 * @throws GatepostError: nothing was started, or everything has ended
 */
export async function serve(configured: Config, demo: Demo | null = null): Promise<number> {
  // Load uWebSockets first: if it has no binary here, say so once, before anything is created or started.
  loadUws()
  const logger = createLogger('serve')
  const policies = readPolicies(configured.policies)
  const limits = readLimits(configured.policies)
  const nasClients = readRadiusDae(configured.radiusDae)
  assertGuarded(configured)
  assertWritersKnown(configured)
  assertCertificate(configured)
  const directory = await ownDirectory(configured)
  try {
    if (demo !== null) writeDemoMarker(directory.path, demo.marker)
    else if (readDemoMarker(directory.path) !== null)
      logger.warn(
        { event: 'process.demo_data', directory: directory.path },
        'the data directory holds generated data of gatepost demo, not real measurements',
      )
    const embedded = configured.clickhouseUrl === undefined
    const config = await withPorts(configured, [
      'gatewayPort',
      'ingestPort',
      ...(embedded ? (['sqlPort'] as const) : []),
      'dashboardPort',
      'metricsPort',
    ])
    const { userNames } = directory
    const log = await prepareRecordLog(config, directory.path, logger)
    const secret = tokenSecret(config.secret, directory.path)
    const workers = ingestWorkers(config, log, secret, userNames, logger, demo?.key)
    const store = storeProcess(
      'store',
      {
        store: storeDescription(config, directory.path),
        retention: config.retention,
        userNames,
        sessionTimeoutIntervals: config.sessionTimeoutIntervals,
        log: log.reader,
        tokenKeys: withSecond(secret, config.secondSecret),
        access: log.access,
        policies,
        limits,
        nasClients,
        alerts:
          config.alertUrl === undefined
            ? null
            : { url: config.alertUrl, secret: alertSecret(config.alertSecret, secret) },
        waitsForLog: log.away,
        drains: 'all',
        reports: reportsStart(config),
        dashboard: dashboardStart(config, directory.path, logger),
      },
      { refused: () => refusedBy(workers), hungAfterMs: config.hungAfterMs, logger },
    )
    return await run({
      config,
      processes: [...workers, store],
      dataDir: directory.path,
      // Ingest alone decides: what it accepts is durable even while the store is down.
      ready: () => workers.some((worker) => worker.available),
      banner: serveBanner(config, directory.path),
      ...(demo === null ? {} : { work: (stopped) => demo.work(config, stopped) }),
      stop: async (withinMs) => {
        const deadline = performance.now() + withinMs
        const [left] = await stopWorkers(workers, log, withinMs)
        const stored = await stopStore(store, log, Math.max(0, deadline - performance.now()))
        return reportLeft(left, logger) && stored
      },
      logger,
    })
  } finally {
    await directory.release()
  }
}

/** Only this instance's store process can finish a journal; what is left in Kafka is read by the next reader. */
function stopStore(store: ManagedProcess, log: RecordLog, withinMs: number): Promise<boolean> {
  return store.stop(withinMs, log.reader.kind === 'journal')
}

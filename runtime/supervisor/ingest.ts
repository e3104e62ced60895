import { createLogger } from '../../common/logger.ts'
import { loadUws } from '../../ingest/listeners/uws.ts'
import type { Config } from '../config/config.ts'
import { ingestBanner } from './banner.ts'
import { ingestWorkers } from './children.ts'
import { ownDirectory } from './own-directory.ts'
import { withPorts } from './ports.ts'
import { prepareRecordLog } from './record-log.ts'
import { run } from './run.ts'
import { reportLeft, stopWorkers } from './stop.ts'
import { tokenSecret } from './secret.ts'
import { assertCertificate } from './tls.ts'
import { assertWritersKnown } from './writers.ts'

/**
 * Runs ingest alone: requests in, batches to Kafka. PRECONDITION: the configuration names brokers and a secret.
 * @returns the exit status, see run()
 * @throws GatepostError: nothing was started, or everything has ended
 */
export async function ingest(configured: Config): Promise<number> {
  loadUws()
  const logger = createLogger('ingest')
  assertWritersKnown(configured)
  assertCertificate(configured)
  const directory = await ownDirectory(configured)
  try {
    const config = await withPorts(configured, ['gatewayPort', 'ingestPort', 'metricsPort'])
    const log = await prepareRecordLog(config, directory.path, logger)
    const secret = tokenSecret(config.secret, directory.path)
    const workers = ingestWorkers(config, log, secret, directory.userNames, logger)
    return await run({
      config,
      processes: workers,
      dataDir: directory.path,
      ready: () => workers.some((worker) => worker.available),
      banner: ingestBanner(config, directory.path),
      stop: async (withinMs) => {
        const [left, finished] = await stopWorkers(workers, log, withinMs)
        return reportLeft(left, logger) && finished
      },
      logger,
    })
  } finally {
    await directory.release()
  }
}

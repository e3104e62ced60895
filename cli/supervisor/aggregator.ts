import { createLogger } from '../../common/logger.ts'
import type { Config } from '../config.ts'
import { aggregatorBanner } from './banner.ts'
import { storeDescription, storeProcess } from './children.ts'
import { kafkaAddress } from './kafka-log.ts'
import { withPorts } from './ports.ts'
import { run } from './run.ts'

/**
 * One aggregator alone: Kafka into the ClickHouse server. It keeps nothing on this machine. PRECONDITION: the configuration names brokers
 * and a server.
 * @returns the exit status, see run()
 * @throws GatepostError: nothing was started, or everything has ended
 */
export async function aggregator(configured: Config): Promise<number> {
  const logger = createLogger('aggregator')
  const config = await withPorts(configured, ['metricsPort'])
  const { reader } = await kafkaAddress(config, logger)
  const { retentionDays, dataDir } = config
  const child = storeProcess(
    'aggregator',
    {
      store: storeDescription(config, dataDir),
      retentionDays,
      sessionTimeoutIntervals: config.sessionTimeoutIntervals,
      log: reader,
      waitsForLog: false,
      drains: 'own',
      reports: null,
      dashboard: null,
    },
    logger,
  )
  return run({
    config,
    processes: [child],
    ready: () => child.available,
    banner: aggregatorBanner(config),
    stop: (withinMs) => child.stop(withinMs, false),
    logger,
  })
}

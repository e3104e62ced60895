import { GatepostError } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import type { Config } from '../config/config.ts'
import { readLimits, readPolicies } from '../config/policies.ts'
import { readRadiusDae } from '../config/radius-dae.ts'
import { aggregatorBanner } from './banner.ts'
import { storeDescription, storeProcess } from './children.ts'
import { kafkaAddress } from './kafka-log.ts'
import type { AlertsStart } from '../messages.ts'
import { withPorts } from './ports.ts'
import { run } from './run.ts'
import { optionOf } from './user-names.ts'
import { alertSecret, withSecond } from './secret.ts'

/**
 * Runs a single aggregator: Kafka into the ClickHouse server. It keeps nothing on this machine. PRECONDITION: the configuration names
 * brokers and a server.
 * @returns the exit status, see run()
 * @throws GatepostError: nothing was started, or everything has ended
 */
export async function aggregator(configured: Config): Promise<number> {
  const logger = createLogger('aggregator')
  const policies = readPolicies(configured.policies)
  const limits = readLimits(configured.policies)
  const nasClients = readRadiusDae(configured.radiusDae)
  alertsOf(configured)
  // Only needed once somebody has been forgotten, so installations may run without it.
  if (configured.secret === undefined)
    logger.warn(
      { event: 'process.secret_unset' },
      'GATEPOST_SECRET is not set: this aggregator stops as soon as gatepost forget is used; set it to the secret of the ingest processes',
    )
  const config = await withPorts(configured, ['metricsPort'])
  const { reader, access } = await kafkaAddress(config, logger)
  const { retention, dataDir } = config
  const child = storeProcess(
    'aggregator',
    {
      store: storeDescription(config, dataDir),
      retention,
      userNames: optionOf(config),
      sessionTimeoutIntervals: config.sessionTimeoutIntervals,
      log: reader,
      tokenKeys: config.secret === undefined ? [] : withSecond(config.secret, config.secondSecret),
      access,
      policies,
      limits,
      nasClients,
      alerts: alertsOf(config),
      waitsForLog: false,
      drains: 'own',
      reports: null,
      dashboard: null,
    },
    { hungAfterMs: config.hungAfterMs, logger },
  )
  return run({
    config,
    processes: [child],
    dataDir: null,
    ready: () => child.available,
    banner: aggregatorBanner(config),
    stop: (withinMs) => child.stop(withinMs, false),
    logger,
  })
}

/** There is no data directory, so the key that signs alerts must be configured. @throws GatepostError CONFIG_INVALID */
function alertsOf({ alertUrl, alertSecret: own, secret }: Config): AlertsStart | null {
  if (alertUrl === undefined) return null
  if (own === undefined && secret === undefined) {
    throw new GatepostError(
      'CONFIG_INVALID',
      'GATEPOST_ALERT_URL is set, but neither GATEPOST_ALERT_SECRET nor GATEPOST_SECRET: one of them must be set to sign the alerts',
    )
  }
  return { url: alertUrl, secret: alertSecret(own, secret ?? '') }
}

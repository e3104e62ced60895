import { createLogger } from '../../common/logger.ts'
import type { Config } from '../config/config.ts'
import { reporterBanner } from './banner.ts'
import { reportsStart, storeDescription, storeProcess } from './children.ts'
import { assertGuarded, dashboardStart } from './dashboard.ts'
import { withPorts } from './ports.ts'
import { run } from './run.ts'
import { withSecond } from './secret.ts'
import { optionOf } from './user-names.ts'
import { assertCertificate } from './tls.ts'

/**
 * Runs the reporter alone: migrates the tables, computes table `metrics`, and serves the dashboard. It keeps nothing on this machine.
 * PRECONDITION: the configuration names a server.
 * @returns the exit status, see run()
 * @throws GatepostError: nothing was started, or everything has ended
 */
export async function reporter(configured: Config): Promise<number> {
  const logger = createLogger('reporter')
  assertGuarded(configured)
  assertCertificate(configured)
  const config = await withPorts(configured, ['dashboardPort', 'metricsPort'])
  const { retention, dataDir } = config
  const child = storeProcess(
    'reporter',
    {
      store: storeDescription(config, dataDir),
      retention,
      userNames: optionOf(config),
      sessionTimeoutIntervals: config.sessionTimeoutIntervals,
      log: null,
      tokenKeys: config.secret === undefined ? [] : withSecond(config.secret, config.secondSecret),
      access: null,
      policies: [],
      limits: [],
      nasClients: [],
      alerts: null,
      waitsForLog: false,
      drains: 'own',
      reports: reportsStart(config),
      dashboard: dashboardStart(config, null, logger),
    },
    { hungAfterMs: config.hungAfterMs, logger },
  )
  return run({
    config,
    processes: [child],
    dataDir: null,
    ready: () => child.available,
    banner: reporterBanner(config),
    stop: (withinMs) => child.stop(withinMs, false),
    logger,
  })
}

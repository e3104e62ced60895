import { GatepostError } from '../../common/errors.ts'
import { isLoopback } from '../../common/ip-address.ts'
import type { Logger } from '../../common/logger.ts'
import { secretFingerprint } from '../../access/fingerprint.ts'
import type { Config } from '../config/config.ts'
import { kafkaOptions } from '../config/kafka-options.ts'
import { certificateOf } from '../config/tls-variables.ts'
import type { AccessDescription, DashboardStart } from '../messages.ts'
import { httpUrl } from './ports.ts'
import { tokenSecret, withSecond } from './secret.ts'

/**
 * Call before anything is created or started.
 * @throws GatepostError CONFIG_INVALID: everyone could use the dashboard, or read the same tables without its password
 */
export function assertGuarded(config: Config): void {
  const { privateBind, dashboardPassword, dashboardViewerPassword, sqlPassword, clickhouseUrl } = config
  const guarded = dashboardPassword !== undefined || dashboardViewerPassword !== undefined
  if (guarded && sqlPassword === undefined && clickhouseUrl === undefined) {
    const variable =
      dashboardPassword === undefined ? 'GATEPOST_DASHBOARD_VIEWER_PASSWORD' : 'GATEPOST_DASHBOARD_PASSWORD'
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_SQL_PASSWORD is not set, but ${variable} is: without it everyone who can reach the SQL endpoint could read ` +
        'what the dashboard shows; allowed is a password for both, or for neither',
    )
  }
  if (isLoopback(privateBind) || guarded) return
  throw new GatepostError(
    'CONFIG_INVALID',
    `GATEPOST_PRIVATE_BIND=${privateBind}: everyone who can reach this address could use the dashboard; allowed is a loopback ` +
      'address, or any address once GATEPOST_DASHBOARD_PASSWORD or GATEPOST_DASHBOARD_VIEWER_PASSWORD is set',
  )
}

/**
 * The configured dashboard. PRECONDITION: assertGuarded().
 * @param dataDir the data directory of this instance; null: it has none
 */
export function dashboardStart(config: Config, dataDir: string | null, logger: Logger): DashboardStart {
  const { privateBind, dashboardPort, allowedHosts, trustedProxies, dashboardPassword, dashboardViewerPassword } =
    config
  return {
    host: privateBind,
    port: dashboardPort,
    allowedHosts: allowedHosts ?? [],
    trustedProxies: trustedProxies ?? [],
    certificateFiles: certificateOf(config, 'dashboard'),
    password: dashboardPassword,
    viewerPassword: dashboardViewerPassword,
    access: accessDescription(config, dataDir, logger),
    disconnects: config.radiusDae !== undefined,
    listeners:
      dataDir === null ? null : { gateway: listenerUrl(config, 'gateway'), ingest: listenerUrl(config, 'bulk') },
    dataDir,
  }
}

/** Of a listener, from this machine. */
function listenerUrl(config: Config, listener: 'gateway' | 'bulk'): string {
  const port = listener === 'gateway' ? config.gatewayPort : config.ingestPort
  return httpUrl(config.bind, port, certificateOf(config, listener) !== null)
}

/** A separate process can only read the access log in Kafka, and only with the installation's token key. */
function accessDescription(config: Config, dataDir: string | null, logger: Logger): AccessDescription | null {
  if (config.kafkaBrokers === undefined) return dataDir === null ? null : { kind: 'file', dataDir }
  if (dataDir === null && config.secret === undefined) return null
  const { brokers, clientId, tls, sasl } = kafkaOptions(config, 'gatepost-dashboard', logger)
  const secret = dataDir === null ? (config.secret as string) : tokenSecret(config.secret, dataDir)
  return {
    kind: 'kafka',
    kafka: { brokers, clientId, tls, sasl },
    topicPrefix: config.kafkaTopicPrefix,
    fingerprints: withSecond(secret, config.secondSecret).map(secretFingerprint),
  }
}

import { isUnspecified } from '../../common/hosts.ts'
import { packageVersion } from '../../common/package-root.ts'
import type { Config } from '../config/config.ts'
import { certificateOf } from '../config/tls-variables.ts'
import { masked } from '../config/mask.ts'
import { VARIABLES } from '../config/variables.ts'
import { httpUrl } from './ports.ts'

/*
 * The text that a command prints when it is up: the listeners, the record log and the store, and a command to try. Passwords are masked,
 * since banners end up in logs and tickets.
 */

/** The listeners, and a command to try. */
export function serveBanner(config: Config, dataDir: string): string {
  const sql = httpUrl(config.privateBind, config.sqlPort)
  const embedded = config.clickhouseUrl === undefined
  return banner('', [
    [`Data directory: ${dataDir}`, recordLog(config), store(config)],
    [
      ...listeners(config),
      ...(embedded ? [listener(config.privateBind, config.sqlPort, 'SQL (ClickHouse HTTP interface)')] : []),
      dashboard(config),
      privateListener(config),
    ],
    ['Try it: report a login, and read it back two seconds later:'],
    [
      `curl -i ${config.ingestCredentials === undefined ? '' : '-u NAME:SECRET '}${httpUrl(config.bind, config.ingestPort, certificateOf(config, 'bulk') !== null)}/logging/post-auth -d '{"username":"alice","authentication_result":"Access-Accept","site_ip_address":"127.0.0.1"}'`,
      embedded
        ? `curl ${config.sqlPassword === undefined ? '' : '-u default:PASSWORD '}'${sql}/?query=SELECT+*+FROM+post_auth+FORMAT+PrettyCompact'`
        : `clickhouse-client --query 'SELECT * FROM gatepost.post_auth FORMAT PrettyCompact'`,
    ],
    ['Ctrl-C stores everything and stops.'],
  ])
}

export function ingestBanner(config: Config, dataDir: string): string {
  return banner(' ingest', [
    [`Data directory: ${dataDir} (spill: records wait there while Kafka does not accept them)`, recordLog(config)],
    [...listeners(config), privateListener(config)],
  ])
}

export function aggregatorBanner(config: Config): string {
  return banner(' aggregator', [
    [recordLog(config), `Consumer group: ${config.kafkaGroup}`, store(config)],
    [privateListener(config)],
  ])
}

export function reporterBanner(config: Config): string {
  return banner(' reporter', [[store(config)], [dashboard(config), privateListener(config)]])
}

/** Paragraphs; those at odd indices are indented (lists and commands). */
function banner(command: string, paragraphs: readonly (readonly string[])[]): string {
  const [about, ...rest] = paragraphs
  const text = rest.map((lines, index) => lines.map((line) => (index % 2 === 0 ? `  ${line}` : line)).join('\n'))
  return `\nGatepost${command} ${packageVersion()} is running.\n${about.join('\n')}\n\n${text.join('\n\n')}\n`
}

function listeners(config: Config): string[] {
  const { bind, gatewayPort, ingestPort } = config
  const isTls = (name: 'gateway' | 'bulk') => certificateOf(config, name) !== null
  return [
    listener(bind, gatewayPort, 'gateways (WiFiDog: HTTP/1.0 and 1.1)', isTls('gateway')),
    listener(bind, ingestPort, 'RADIUS servers, load balancers (HTTP/1.1)', isTls('bulk')),
  ]
}

function dashboard(config: Config): string {
  const { privateBind, dashboardPort } = config
  return listener(privateBind, dashboardPort, 'dashboard, report API', certificateOf(config, 'dashboard') !== null)
}

function privateListener(config: Config): string {
  return listener(config.privateBind, config.metricsPort, '/metrics, /healthz, /readyz')
}

function listener(bind: string, port: number, what: string, tls = false): string {
  return `${httpUrl(bind, port, tls)}   ${what}${isUnspecified(bind) ? '; on all addresses' : ''}`
}

function recordLog({ kafkaBrokers, kafkaTopicPrefix, kafkaTls }: Config): string {
  if (kafkaBrokers === undefined) return 'Record log: journal in the data directory'
  return `Record log: Kafka at ${kafkaBrokers.join(', ')}${kafkaTls === 'on' ? ' (TLS)' : ''}, topics ${kafkaTopicPrefix}*`
}

function store({ clickhouseUrl, clickhouseCluster }: Config): string {
  if (clickhouseUrl === undefined) return 'Store: embedded, in the data directory'
  const cluster = clickhouseCluster === undefined ? '' : `, cluster ${clickhouseCluster}`
  return `Store: ClickHouse server at ${masked(VARIABLES.clickhouseUrl, clickhouseUrl)}${cluster}`
}

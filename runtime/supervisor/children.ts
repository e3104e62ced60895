import cluster from 'node:cluster'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../../common/logger.ts'
import type { Config } from '../config/config.ts'
import type { BackupSchedule } from '../backup/backups.ts'
import { backupPlace, s3Access } from '../config/backup-options.ts'
import { ManagedProcess, type ManagedProcessOptions } from './managed-process.ts'
import { publisherOptions } from '../config/publish-options.ts'
import { readSqlUsers } from '../config/sql-users.ts'
import type { IngestStart, ReportsStart, StoreDescription, StoreStart } from '../messages.ts'
import { portalOptions } from '../config/portal-options.ts'
import type { UserNamesOption } from '../ingest-process/user-names.ts'
import type { WorkerTls } from '../ingest-process/worker.ts'
import { certificateFiles } from '../config/tls-variables.ts'
import { writerOptions } from '../config/writer-options.ts'
import type { RecordLog } from './record-log.ts'
import { withSecond } from './secret.ts'

/** uWebSockets accepts 4 KiB of request line and headers by default; node:http accepts this much. */
const REQUEST_HEAD_BYTES = '16384'

/** The embedded engine needs a libuv thread per running query, besides those for file operations. */
const STORE_THREADS = '16'

/**
 * Variables that children do not inherit: each gets the options that it needs in its start message, and a worker that faces the Internet
 * does not hold the passwords of the others.
 */
function hiddenVariables(): Record<string, undefined> {
  const hidden = Object.keys(process.env).filter(
    (name) => name.startsWith('GATEPOST_') && name !== 'GATEPOST_LOG_LEVEL',
  )
  return Object.fromEntries(hidden.map((name) => [name, undefined]))
}

/**
 * Creates the ingest workers of this instance without starting them. Call once per process: node:cluster has a single set of settings.
 * @param demoKey see IngestOptions
 */
export function ingestWorkers(
  config: Config,
  log: RecordLog,
  secret: string,
  userNames: UserNamesOption,
  logger: Logger,
  demoKey: string | null = null,
): ManagedProcess[] {
  // Workers accept connections themselves: handing each one out from the primary costs more than the request.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: childFile('../ingest-process/ingest-main.js'), args: [] })
  // The first worker that becomes ready has compared the token key with the installation's.
  let secretKnown = false
  return Array.from({ length: config.workers }, (_, slot) => {
    const worker = new ManagedProcess({
      name: `ingest-${slot}`,
      fork: () => cluster.fork({ ...hiddenVariables(), UWS_HTTP_MAX_HEADERS_SIZE: REQUEST_HEAD_BYTES }).process,
      start: (): IngestStart => ({
        log: log.worker(slot, secretKnown),
        bind: config.bind,
        gatewayPort: config.gatewayPort,
        ingestPort: config.ingestPort,
        trustedProxies: config.trustedProxies ?? [],
        writers: writerOptions(config),
        loginsKeptDays: config.retention.post_auth,
        accountingKeptDays: config.retention.radius_accounting,
        userNames,
        probeUsers: config.probeUsers,
        tls: workerTls(config),
        listenerLimits: {
          maxConnections: config.maxConnections ?? null,
          maxConnectionsPerAddress: config.maxConnectionsPerAddress,
          maxBodyBytes: config.maxBodyBytes,
        },
        authMode: config.authMode,
        secrets: withSecond(secret, config.secondSecret),
        ack: config.ack,
        portal: portalOptions(config),
        gatewayChannel: config.gatewayChannel === 'on',
        demoKey,
      }),
      hungAfterMs: config.hungAfterMs,
      logger,
    })
    void worker.whenReady().then(() => (secretKnown = true))
    return worker
  })
}

/** Role of a process with the store; it says which other work shares the machine. */
export type StoreRole = 'store' | 'aggregator' | 'reporter'

/** Creates a process with the store without starting it. */
export function storeProcess(
  role: StoreRole,
  start: StoreStart,
  options: Pick<ManagedProcessOptions, 'refused' | 'hungAfterMs' | 'logger'>,
): ManagedProcess {
  let wasReady = false
  const child = new ManagedProcess({
    name: role,
    // The role is shown in the process list and sets the child's priority.
    fork: () =>
      fork(childFile('../store-process/store-main.js'), [role], {
        env: { ...process.env, ...hiddenVariables(), UV_THREADPOOL_SIZE: STORE_THREADS },
      }),
    // Next to ingest, a process that has read Kafka before does not wait for it: if Kafka cannot be read now, that is an outage.
    start: (): StoreStart => ({
      ...start,
      waitsForLog: start.waitsForLog || (wasReady && role === 'store' && start.log?.kind === 'kafka'),
    }),
    ...options,
  })
  void child.whenReady().then(() => (wasReady = true))
  return child
}

/** The configured store. */
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
      readers: readSqlUsers(config.sqlUsers),
      allowedHosts: config.allowedHosts ?? [],
      trustedProxies: config.trustedProxies ?? [],
    },
    backup: {
      log: config.kafkaBrokers === undefined ? 'journal' : 'kafka',
      schedule: backupSchedule(config),
      s3: s3Access(config),
    },
  }
}

/** Null: backups are made on request only. */
function backupSchedule({ backupTo, backupEveryMs: everyMs, backupKeep: keep }: Config): BackupSchedule | null {
  return backupTo === undefined ? null : { to: backupPlace(backupTo), everyMs, keep }
}

/** One of the listeners may speak TLS without the other. */
function workerTls(config: Config): WorkerTls {
  const listeners = (['bulk', 'gateway'] as const).filter((name) => config.tlsListeners.includes(name))
  return { certificate: listeners.length === 0 ? null : certificateFiles(config), listeners }
}

function childFile(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url))
}

/** Where and when results are published, by configuration. */
export function reportsStart(config: Config): ReportsStart {
  const { publishAtMinute, locationsUrl: source, locationsEveryMs: everyMs, history } = config
  const locations = source === undefined ? null : { source, everyMs }
  return { publishers: publisherOptions(config), publishAtMinute, locations, history }
}

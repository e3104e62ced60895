import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from '../../common/logger.ts'
import { AuditLog } from '../../store/audit-log.ts'
import { QueryLog } from '../../store/query-log.ts'
import type { Store } from '../../store/contract.ts'
import type { Retention } from '../../store/retention.ts'
import { removeInstanceFile, writeInstanceFile } from '../instance/instance-file.ts'
import { Backups } from '../backup/backups.ts'
import { backupMetrics } from '../backup/metrics.ts'
import { loadEngine } from '../engine.ts'
import type { StoreDescription } from '../messages.ts'
import { sqlMetrics } from '../metrics.ts'
import { httpUrl } from '../supervisor/ports.ts'

/** The migrated store of one process, with its endpoint. */
export interface OpenedStore {
  readonly store: Store
  /** Metrics of the store. */
  metrics(): Promise<object[]>
  /** Waits for running statements. */
  close(): Promise<void>
}

/** A predecessor that is being killed, or a command that has the directory open, may hold the store for a while. */
const LOCK_WAIT_MS = 15_000

/**
 * Opens the store and migrates its tables.
 * @param hangs called when an engine in this process does not end a query
 * @throws GatepostError DIRECTORY_LOCKED, STORE_UNAVAILABLE, STORE_REFUSED, STORE_MIGRATION
 */
export async function openStore(
  description: StoreDescription,
  retention: Retention,
  hangs: (reason: string) => void,
  logger: Logger,
): Promise<OpenedStore> {
  return description.kind === 'embedded'
    ? openEmbedded(description, retention, hangs, logger)
    : openServer(description, retention, logger)
}

/** The embedded store gets an SQL endpoint, and announces it to the commands of this machine. */
async function openEmbedded(
  { dataDir, endpoint: endpointStart, backup }: Extract<StoreDescription, { kind: 'embedded' }>,
  retention: Retention,
  hangs: (reason: string) => void,
  logger: Logger,
): Promise<OpenedStore> {
  // Load the engine, a library of several hundred megabytes, only when it is needed.
  const { openEmbeddedStore } = await loadEngine()
  const { engineRoles, startSqlEndpoint } = await import('../../sql-endpoint/index.ts')
  const path = join(dataDir, 'store')
  const { host, port, password, adminPassword, readers, allowedHosts, trustedProxies } = endpointStart
  const roles = engineRoles(readers)
  const store = await openEmbeddedStore({ path, logger, retention, roles, lockWaitMs: LOCK_WAIT_MS })
  await store.migrate()
  const audit = new AuditLog(store, logger)
  const queries = new QueryLog(store, logger)
  const operatorKey = randomBytes(24).toString('base64url')
  let backups: Backups | null = null
  const endpoint = await startSqlEndpoint({
    dataPath: path,
    host,
    port,
    ...(password === undefined ? {} : { password }),
    ...(adminPassword === undefined ? {} : { adminPassword }),
    operatorKey,
    readers,
    allowedHosts,
    trustedProxies,
    audit: (entry) => audit.count(entry, new Date()),
    queryLog: (entry) => queries.add(entry, new Date()),
    operations: (method, path, body) => backups?.operation(method, path, body) ?? Promise.resolve(null),
    onOverdue: hangs,
    logger,
  })
  backups = new Backups({ dataDir, ...backup, store, holdWriters: () => endpoint.holdWriters(), logger })
  const backupFigures = backupMetrics(backups)
  writeInstanceFile(dataDir, {
    pid: process.pid,
    sqlUrl: httpUrl(host, endpoint.port),
    user: 'operator',
    key: operatorKey,
  })
  return {
    store,
    metrics: async () => {
      const sql = await sqlMetrics({ ...endpoint.stats(), auditLost: audit.lost + queries.lost }).json()
      return [...sql, ...(await backupFigures.json())]
    },
    close: async () => {
      removeInstanceFile(dataDir)
      await backups.stop()
      await endpoint.close()
      await audit.close()
      await queries.close()
      await store.close()
    },
  }
}

async function openServer(
  { url, cluster }: Extract<StoreDescription, { kind: 'server' }>,
  retention: Retention,
  logger: Logger,
): Promise<OpenedStore> {
  const { openServerStore } = await import('../../store/server/open.ts')
  const store = await openServerStore({ url, cluster, logger, retention })
  await store.migrate()
  return { store, metrics: () => Promise.resolve([]), close: () => store.close() }
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../../common/errors.ts'
import { createLogger, type Logger } from '../../common/logger.ts'
import type { Connection, TableStore } from '../../store/table-store.ts'
import type { Config } from '../config/config.ts'
import { readInstanceFile } from './instance-file.ts'
import { openSqlEndpoint } from '../../sql-endpoint/client.ts'

// An instance that starts or stops holds the directory without answering, for a few seconds.
export const WAIT_MS = 8000
export const RETRY_MS = 200

/**
 * The ClickHouse server, if the configuration names one; else the running instance's SQL endpoint; or the data directory itself, when
 * nothing runs.
 * @throws GatepostError DIRECTORY_LOCKED: neither answers; STORE_UNAVAILABLE, STORE_REFUSED of a server
 */
export async function connect(config: Config, note: (text: string) => void, waitMs = WAIT_MS): Promise<Connection> {
  if (config.clickhouseUrl !== undefined) return openServer(config, config.clickhouseUrl)
  const deadline = performance.now() + waitMs
  for (;;) {
    const running = await openRunning(config.dataDir)
    if (running) return running
    const direct = await openDirectory(config, note)
    if (direct) return direct
    if (performance.now() >= deadline) throw directoryHeld(config.dataDir)
    await sleep(RETRY_MS)
  }
}

/** Somebody has the data directory, and answers nobody. */
export function directoryHeld(dataDir: string): GatepostError {
  return new GatepostError(
    'DIRECTORY_LOCKED',
    `another gatepost process is using ${dataDir}, and its SQL endpoint does not answer; ` +
      'if it is starting or stopping, try again in a moment',
  )
}

/** For the work's time. */
export async function withStore<T>(
  config: Config,
  note: (text: string) => void,
  work: (store: TableStore) => Promise<T>,
): Promise<T> {
  const connection = await connect(config, note)
  try {
    return await work(connection.store)
  } finally {
    await connection.close()
  }
}

async function openRunning(dataDir: string): Promise<Connection | null> {
  const info = readInstanceFile(dataDir)
  return info && (await openSqlEndpoint(info))
}

async function openDirectory(config: Config, note: (text: string) => void): Promise<Connection | null> {
  const isNew = !existsSync(config.dataDir)
  // The engine is a library of several hundred megabytes: loaded only by those who need it.
  const { openEmbeddedStore } = await import('../../store/embedded/open.ts')
  try {
    const store = await openEmbeddedStore({
      path: join(config.dataDir, 'store'),
      logger: quietLogger(),
      // Opening applies the retention: without it, asking for a metric would change the tables.
      retention: config.retention,
    })
    if (isNew) note(`no data directory was there: created ${config.dataDir}`)
    try {
      await store.migrate()
    } catch (error) {
      await store.close()
      throw error
    }
    return { store, close: () => store.close() }
  } catch (error) {
    if (error instanceof GatepostError && error.code === 'DIRECTORY_LOCKED') return null
    throw error
  }
}

/** Its tables are made by the processes that write them. */
async function openServer(config: Config, url: string): Promise<Connection> {
  const { openServerStore } = await import('../../store/server/open.ts')
  const { clickhouseCluster: cluster, retention } = config
  const store = await openServerStore({
    url,
    ...(cluster === undefined ? {} : { cluster }),
    logger: quietLogger(),
    retention,
  })
  return { store, close: () => store.close() }
}

/** A command's result is its output; the store's progress is for those who ask. */
function quietLogger(): Logger {
  const logger = createLogger('gatepost')
  if (process.env['GATEPOST_LOG_LEVEL'] === undefined) logger.level = 'warn'
  return logger
}

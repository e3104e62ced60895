import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../../common/errors.ts'
import { createLogger, type Logger } from '../../common/logger.ts'
import { openSqlEndpoint } from '../../sql-endpoint/client.ts'
import type { Store } from '../../store/contract.ts'
import type { OpenTables, TableStore } from '../../store/table-store.ts'
import type { Config } from '../config/config.ts'
import { assertDataFormat } from '../data-format.ts'
import { loadEngine } from '../engine.ts'
import { assertNotMoved } from '../move/moved.ts'
import { readInstanceFile, type InstanceInfo } from './instance-file.ts'

/*
 * How a command reaches the tables: through the ClickHouse server, if one is configured; through the SQL endpoint of the running instance;
 * or by opening the data directory, if no instance runs.
 */

// An instance that is starting or stopping holds the directory for a few seconds without answering.
const WAIT_MS = 8000
const RETRY_MS = 200

type Note = (text: string) => void

/** Whether a command makes a data directory that is not there: only one that has something to store. */
type IfMissing = 'create' | 'refuse'

/**
 * Opens the tables for the duration of `work`. @throws GatepostError DIRECTORY_LOCKED: the directory is held and no instance answers;
 * CONFIG_INVALID: there is no data directory; STORE_UNAVAILABLE, STORE_REFUSED
 */
export async function withStore<T>(
  config: Config,
  note: Note,
  work: (store: TableStore) => Promise<T>,
  ifMissing: IfMissing = 'refuse',
): Promise<T> {
  return closing(await connect(config, note, WAIT_MS, ifMissing), work)
}

/** The store itself, for commands that insert records. @throws GatepostError as withStore() */
export async function withFullStore<T>(
  config: Config,
  note: Note,
  work: (store: Store) => Promise<T>,
  ifMissing: IfMissing = 'refuse',
): Promise<T> {
  return closing(await open(config, note, (info) => storeOfInstance(config, info), WAIT_MS, ifMissing), work)
}

/**
 * The same without opening the data directory, which takes a while. Null: no server is configured, and no instance answers.
 * @throws GatepostError STORE_UNAVAILABLE, STORE_REFUSED
 */
export async function withRunningStore<T>(config: Config, work: (store: TableStore) => Promise<T>): Promise<T | null> {
  if (config.clickhouseUrl !== undefined)
    return closing(await openServer(config, config.clickhouseUrl, config.clickhouseCluster), work)
  const info = readInstanceFile(config.dataDir)
  const store = info === null ? null : await openSqlEndpoint(info)
  return store === null ? null : closing(store, work)
}

/** As withStore(); the caller closes it. */
export function connect(
  config: Config,
  note: Note,
  waitMs = WAIT_MS,
  ifMissing: IfMissing = 'refuse',
): Promise<OpenTables> {
  return open<OpenTables>(config, note, openSqlEndpoint, waitMs, ifMissing)
}

async function closing<S extends OpenTables, T>(store: S, work: (store: S) => Promise<T>): Promise<T> {
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** @param running opens the running instance; null: no instance answers with the announced key */
async function open<T>(
  config: Config,
  note: Note,
  running: (info: InstanceInfo) => Promise<T | null>,
  waitMs: number,
  ifMissing: IfMissing,
): Promise<T | Store> {
  if (config.clickhouseUrl !== undefined) return openServer(config, config.clickhouseUrl, config.clickhouseCluster)
  if (ifMissing === 'refuse' && !existsSync(config.dataDir)) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_DATA_DIR=${config.dataDir}: is not there, so nothing is stored in it; allowed is the data directory of an instance, which its first start makes`,
    )
  }
  assertDataFormat(config.dataDir)
  assertNotMoved(config.dataDir)
  const deadline = performance.now() + waitMs
  for (;;) {
    const info = readInstanceFile(config.dataDir)
    const store = (info && (await running(info))) ?? (await openDirectory(config, note))
    if (store !== null) return store
    if (performance.now() >= deadline) throw directoryHeld(config.dataDir)
    await sleep(RETRY_MS)
  }
}

/** A process holds the data directory, but does not answer. */
function directoryHeld(dataDir: string): GatepostError {
  return new GatepostError(
    'DIRECTORY_LOCKED',
    `another gatepost process is using ${dataDir}, and its SQL endpoint does not answer: ` +
      'if it is starting or stopping, try again in a moment',
  )
}

/** The SQL endpoint accepts the statements that a store sends to a server. */
async function storeOfInstance(config: Config, info: InstanceInfo): Promise<Store | null> {
  const probe = await openSqlEndpoint(info)
  if (probe === null) return null
  await probe.close()
  const url = new URL(`${info.sqlUrl}/gatepost`)
  url.username = info.user
  url.password = info.key
  return openServer(config, url.href, undefined)
}

/** The tables of a server are created by the processes that write to them, not by commands. */
async function openServer({ retention }: Config, url: string, cluster: string | undefined): Promise<Store> {
  const { openServerStore } = await import('../../store/server/open.ts')
  return openServerStore({ url, cluster, logger: quietLogger(), retention })
}

/** Null: another process holds the directory. */
async function openDirectory(config: Config, note: Note): Promise<Store | null> {
  const isNew = !existsSync(config.dataDir)
  // Load the engine, a library of several hundred megabytes, only when it is needed.
  const { openEmbeddedStore } = await loadEngine()
  let store: Store | null = null
  try {
    store = await openEmbeddedStore({
      path: join(config.dataDir, 'store'),
      logger: quietLogger(),
      // Opening applies the retention: with other values, a read-only command would change the tables.
      retention: config.retention,
    })
    if (isNew) note(`created the data directory ${config.dataDir}`)
    await store.migrate()
    return store
  } catch (error) {
    await store?.close()
    if (error instanceof GatepostError && error.code === 'DIRECTORY_LOCKED') return null
    throw error
  }
}

/** A command's output is its result, so progress of the store is not logged. */
export function quietLogger(): Logger {
  const logger = createLogger('gatepost')
  if (process.env['GATEPOST_LOG_LEVEL'] === undefined) logger.level = 'warn'
  return logger
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../../common/errors.ts'
import { createLogger, type Logger } from '../../common/logger.ts'
import type { Store } from '../../store/contract.ts'
import type { Config } from '../config/config.ts'
import { directoryHeld, RETRY_MS, WAIT_MS } from './connect.ts'
import { readInstanceFile } from './instance-file.ts'
import { openSqlEndpoint } from '../../sql-endpoint/client.ts'

/**
 * The store itself, for commands that insert records: the ClickHouse server, if the configuration names one; else the running
 * instance's engine through its SQL endpoint; or the data directory, when nothing runs.
 * @throws GatepostError DIRECTORY_LOCKED: neither answers; STORE_UNAVAILABLE; CONFIG_INVALID
 */
export async function withFullStore<T>(
  config: Config,
  note: (text: string) => void,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openFullStore(config, note)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function openFullStore(config: Config, note: (text: string) => void, waitMs = WAIT_MS): Promise<Store> {
  if (config.clickhouseUrl !== undefined) return openServer(config, config.clickhouseUrl)
  const deadline = performance.now() + waitMs
  for (;;) {
    const store = (await openRunning(config)) ?? (await openDirectory(config, note))
    if (store !== null) return store
    if (performance.now() >= deadline) throw directoryHeld(config.dataDir)
    await sleep(RETRY_MS)
  }
}

async function openServer(config: Config, url: string): Promise<Store> {
  const { openServerStore } = await import('../../store/server/open.ts')
  const { clickhouseCluster: cluster, retention } = config
  return openServerStore({ url, ...(cluster === undefined ? {} : { cluster }), logger: quietLogger(), retention })
}

/** Its endpoint takes what a store sends its server. Null: nobody answers to the key that the instance has announced. */
async function openRunning(config: Config): Promise<Store | null> {
  const info = readInstanceFile(config.dataDir)
  if (info === null) return null
  const probe = await openSqlEndpoint(info)
  if (probe === null) return null
  await probe.close()
  const url = new URL(`${info.sqlUrl}/gatepost`)
  url.username = info.user
  url.password = info.key
  return openServer({ ...config, clickhouseCluster: undefined }, url.href)
}

/** Null: another process has it. */
async function openDirectory(config: Config, note: (text: string) => void): Promise<Store | null> {
  const isNew = !existsSync(config.dataDir)
  // The engine is a library of several hundred megabytes: loaded only by those who need it.
  const { openEmbeddedStore } = await import('../../store/embedded/open.ts')
  let store: Store | null = null
  try {
    store = await openEmbeddedStore({
      path: join(config.dataDir, 'store'),
      logger: quietLogger(),
      retention: config.retention,
    })
    if (isNew) note(`no data directory was there: created ${config.dataDir}`)
    await store.migrate()
    return store
  } catch (error) {
    await store?.close()
    if (error instanceof GatepostError && error.code === 'DIRECTORY_LOCKED') return null
    throw error
  }
}

/** A command's result is its output; the store's progress is for those who ask. */
export function quietLogger(): Logger {
  const logger = createLogger('gatepost')
  if (process.env['GATEPOST_LOG_LEVEL'] === undefined) logger.level = 'warn'
  return logger
}

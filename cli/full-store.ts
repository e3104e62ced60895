import { join } from 'node:path'
import { GatepostError } from '../common/errors.ts'
import { createLogger, type Logger } from '../common/logger.ts'
import type { Store } from '../store/contract.ts'
import type { Config } from './config.ts'
import { readInstanceFile } from './instance-file.ts'

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

async function openFullStore(config: Config, note: (text: string) => void): Promise<Store> {
  const { clickhouseUrl, clickhouseCluster: cluster, retentionDays } = config
  const logger = quietLogger()
  const { openServerStore } = await import('../store/server/open.ts')
  if (clickhouseUrl !== undefined) {
    return openServerStore({ url: clickhouseUrl, ...(cluster === undefined ? {} : { cluster }), logger, retentionDays })
  }
  const running = readInstanceFile(config.dataDir)
  if (running !== null) {
    try {
      const url = new URL(running.sqlUrl)
      url.username = running.user
      url.password = running.key
      return await openServerStore({ url: url.href, logger, retentionDays })
    } catch {
      note(`the instance of ${config.dataDir} does not answer: opening the directory itself`)
    }
  }
  const { openEmbeddedStore } = await import('../store/embedded/open.ts')
  const store = await openEmbeddedStore({ path: join(config.dataDir, 'store'), logger, retentionDays })
  try {
    await store.migrate()
    return store
  } catch (error) {
    await store.close()
    throw error instanceof GatepostError ? error : new GatepostError('STORE_UNAVAILABLE', String(error), error)
  }
}

/** A command's result is its output; the store's progress is for those who ask. */
export function quietLogger(): Logger {
  const logger = createLogger('gatepost')
  if (process.env['GATEPOST_LOG_LEVEL'] === undefined) logger.level = 'warn'
  return logger
}

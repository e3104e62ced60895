import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { EmbeddedStore } from '../../store/embedded/backup.ts'
import { openEmbeddedStore, type EmbeddedStoreOptions } from '../../store/embedded/open.ts'
import { copyTables } from './copy-tables.ts'

/*
 * The embedded store with its tables, empty. As a program it makes the directory that copyTables() copies:
 *
 *   migrated-store.js <directory>
 */

/** @param options path: an engine's directory that does not exist yet; logger: default silent */
export async function openMigratedStore(
  options: Pick<EmbeddedStoreOptions, 'path'> & Partial<EmbeddedStoreOptions>,
): Promise<EmbeddedStore> {
  await copyTables(options.path)
  const store = await openEmbeddedStore({ logger: pino({ level: 'silent' }), ...options })
  try {
    await store.migrate()
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await (await openMigratedStore({ path: process.argv[2] })).close()
}

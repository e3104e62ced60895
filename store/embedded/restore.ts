import { drainPending } from 'chdb'
import { DATABASE } from '../sql.ts'
import { openEngine } from './access-control.ts'
import { BACKUP_SETTINGS, rowsInParts, type BackupPlace } from './backup.ts'
import { EngineConnection } from './connection.ts'
import { storeError } from './errors.ts'

/**
 * Makes an engine's directory from a backup of its tables, and counts the rows in the parts of each. PRECONDITION: this process has opened no
 * engine, and the directory is empty or missing.
 * @param base where the base of the backup is now; null: the backup has none
 * @throws GatepostError STORE_REFUSED: the backup cannot be read
 */
export async function restoreTables(
  path: string,
  from: BackupPlace,
  base: BackupPlace | null,
): Promise<Record<string, number>> {
  // Merges would change the counts.
  const anchor = openEngine(path, [], { merges: false })
  const connection = new EngineConnection(path, BACKUP_SETTINGS)
  try {
    await anchor.queryAsync('SELECT 1')
    const settings = base === null ? '' : ` SETTINGS base_backup = ${base}`
    await connection.run(`RESTORE DATABASE ${DATABASE} FROM ${from}${settings}`)
    return await rowsInParts(connection)
  } catch (error) {
    throw storeError(error)
  } finally {
    await connection.close()
    anchor.close()
    await drainPending()
  }
}

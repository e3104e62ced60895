import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GatepostError } from '../../common/errors.ts'

/** There while a restore writes a data directory, whose contents are not to be used meanwhile. */
export const RESTORING = 'restoring'

/** @throws GatepostError CONFIG_INVALID: a restore into this directory was interrupted, or runs */
export function assertNotRestoring(dataDir: string): void {
  if (!existsSync(join(dataDir, RESTORING))) return
  throw new GatepostError(
    'CONFIG_INVALID',
    `GATEPOST_DATA_DIR=${dataDir}: a restore into it has not finished. Run gatepost restore again: it starts over`,
  )
}

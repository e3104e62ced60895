import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { GatepostError } from '../../common/errors.ts'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'

/** <data directory>/moved.json: where `gatepost migrate` is taking its tables, or has taken them. */
const movedSchema = z.object({
  /** Host and port of the ClickHouse server. */
  to: z.string(),
  /** Everything is there: the embedded store must not be used any more. */
  finished: z.boolean(),
})

export type Moved = z.infer<typeof movedSchema>

const FILE = 'moved.json'

/** Null: nobody has begun to move it. */
export function readMoved(dataDir: string): Moved | null {
  return readJsonFile(join(dataDir, FILE), movedSchema)
}

export function writeMoved(dataDir: string, moved: Moved): void {
  const path = join(dataDir, FILE)
  writeFileSync(`${path}.new`, jsonFileText(moved), { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}

/** @throws GatepostError CONFIG_INVALID: what would be stored in the embedded store would be missing on the server */
export function assertNotMoved(dataDir: string): void {
  const moved = readMoved(dataDir)
  if (moved === null || !moved.finished) return
  throw new GatepostError(
    'CONFIG_INVALID',
    `GATEPOST_DATA_DIR=${dataDir}: its tables were moved to ${moved.to}. Set GATEPOST_CLICKHOUSE_URL and GATEPOST_KAFKA_BROKERS; ` +
      `to go back to the tables as they were then, remove ${FILE}`,
  )
}

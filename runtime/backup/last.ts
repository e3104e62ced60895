import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'

/** <data directory>/run/last-backup.json: the last backup that was completed, wherever it is. */
const lastSchema = z.object({
  id: z.string(),
  /** When it was begun, ms since the epoch. */
  at: z.number(),
  directory: z.string(),
})

export type LastBackup = z.infer<typeof lastSchema>

const file = (dataDir: string) => join(dataDir, 'run', 'last-backup.json')

/** Null: none was completed. */
export function readLastBackup(dataDir: string): LastBackup | null {
  return readJsonFile(file(dataDir), lastSchema)
}

export function writeLastBackup(dataDir: string, last: LastBackup): void {
  const path = file(dataDir)
  mkdirSync(join(dataDir, 'run'), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, jsonFileText(last), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'

/** How commands reach the running instance of a data directory: its SQL endpoint, and a key generated at its start. */
const instanceSchema = z.object({
  pid: z.number().int().positive(),
  sqlUrl: z.url(),
  user: z.string(),
  key: z.string(),
})

export type InstanceInfo = z.infer<typeof instanceSchema>

export function instanceFile(dataDir: string): string {
  return join(dataDir, 'run', 'instance.json')
}

/** Written atomically and readable by the owner only: the key gives write access. */
export function writeInstanceFile(dataDir: string, info: InstanceInfo): void {
  const file = instanceFile(dataDir)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.${process.pid}`
  // A file left by a killed process with the same pid may have other permissions; `mode` applies to new files only.
  rmSync(temporary, { force: true })
  writeFileSync(temporary, jsonFileText(info), { mode: 0o600, flag: 'wx' })
  renameSync(temporary, file)
}

export function removeInstanceFile(dataDir: string): void {
  rmSync(instanceFile(dataDir), { force: true })
}

/** Null: no instance has announced itself, or the file is not valid. */
export function readInstanceFile(dataDir: string): InstanceInfo | null {
  return readJsonFile(instanceFile(dataDir), instanceSchema)
}

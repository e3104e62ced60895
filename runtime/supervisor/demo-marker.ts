import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'

/** The options that a demo was generated with. A directory with this file contains generated data only. */
const markerSchema = z.object({
  seed: z.number(),
  days: z.number(),
  sites: z.number(),
  /** End of the generated past. */
  until: z.iso.datetime(),
})

export type DemoMarker = z.infer<typeof markerSchema>

export function demoMarkerFile(dataDir: string): string {
  return join(dataDir, 'demo.json')
}

export function writeDemoMarker(dataDir: string, marker: DemoMarker): void {
  writeFileSync(demoMarkerFile(dataDir), jsonFileText(marker), { flag: 'wx' })
}

/** Null: the directory is not a demo. */
export function readDemoMarker(dataDir: string): DemoMarker | null {
  return readJsonFile(demoMarkerFile(dataDir), markerSchema)
}

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { jsonFileText, readJsonFile } from '../../common/json-file.ts'

/** What a demo was made of; a directory that holds it holds nothing else that anybody would miss. */
const markerSchema = z.object({
  seed: z.number(),
  days: z.number(),
  sites: z.number(),
  /** End of the demo's past. */
  until: z.iso.datetime(),
})

export type DemoMarker = z.infer<typeof markerSchema>

export function demoMarkerFile(dataDir: string): string {
  return join(dataDir, 'demo.json')
}

export function writeDemoMarker(dataDir: string, marker: DemoMarker): void {
  writeFileSync(demoMarkerFile(dataDir), jsonFileText(marker), { flag: 'wx' })
}

/** Null: it is no demo. */
export function readDemoMarker(dataDir: string): DemoMarker | null {
  return readJsonFile(demoMarkerFile(dataDir), markerSchema)
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

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
  writeFileSync(demoMarkerFile(dataDir), `${JSON.stringify(marker)}\n`, { flag: 'wx' })
}

/** Null: it is no demo. */
export function readDemoMarker(dataDir: string): DemoMarker | null {
  try {
    const result = markerSchema.safeParse(JSON.parse(readFileSync(demoMarkerFile(dataDir), 'utf8')))
    return result.success ? result.data : null
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

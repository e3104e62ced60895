import { packageVersion } from '../common/package-root.ts'
import type { RecordSchema } from '../schemas/avro.ts'
import { resolve } from '../schemas/resolve.ts'
import type { UnreadableContainer } from './opened-container.ts'

/**
 * Why this version cannot store the records of a container whole, and which version can; null: it can. Such records are held in the log:
 * ingest was upgraded before the aggregators.
 */
export function obstacleTo(container: UnreadableContainer): string
export function obstacleTo(container: { readonly schema: RecordSchema }): string | null
export function obstacleTo(container: UnreadableContainer | { readonly schema: RecordSchema }): string | null
export function obstacleTo(container: UnreadableContainer | { readonly schema: RecordSchema }): string | null {
  if ('unreadable' in container) return waits(container.unreadable, container.since)
  const { obstacle } = resolve(container.schema)
  return obstacle === null ? null : waits(obstacle, container.schema.since)
}

function waits(obstacle: string, since: string | null): string {
  const wanted = since === null ? 'the version of Gatepost that wrote them' : `Gatepost ${since} or later`
  return `${obstacle}. The records need ${wanted}, this is ${packageVersion()}; upgrade aggregators before ingest`
}

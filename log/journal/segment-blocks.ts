import type { RecordSchema } from '../../schemas/avro.ts'
import { knownSchemas } from '../../schemas/known.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { openContainer, type UnreadableContainer } from '../../schemas/opened-container.ts'
import { scanBlocks, type Scan } from '../../schemas/scan.ts'

/** The blocks of a segment. */
export interface SegmentBlocks {
  /** The schema that the records were written with. */
  readonly schema: RecordSchema
  readonly scan: Scan
  readonly hasHeader: boolean
}

/**
 * Finds the blocks of a segment by its header. If the header is damaged, by the sync marker, which is the fingerprint of the schema: tries
 * the known schemas until one has blocks.
 */
export function segmentBlocks(stream: Stream, bytes: Buffer): SegmentBlocks | UnreadableContainer {
  const container = openContainer(stream, bytes)
  if (container !== null && 'unreadable' in container) return container
  const byHeader =
    container === null
      ? null
      : { schema: container.schema, scan: scanBlocks(bytes, container.start, container.sync), hasHeader: true }
  if (byHeader !== null && byHeader.scan.blocks.length > 0) return byHeader
  const candidates = knownSchemas(stream).map((schema) => {
    return { schema, scan: scanBlocks(bytes, 0, schema.fingerprint), hasHeader: false }
  })
  const [first, ...rest] = byHeader === null ? candidates : [byHeader, ...candidates]
  return rest.reduce((best, next) => (next.scan.blocks.length > best.scan.blocks.length ? next : best), first)
}

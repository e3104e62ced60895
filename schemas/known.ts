import { readFileSync } from 'node:fs'
import { packageFile } from '../common/package-root.ts'
import { parseSchema, recordSchema, type RecordSchema } from './avro.ts'
import { releasedFile, releasedSchemas } from './released.ts'
import type { Stream } from './streams/index.ts'

/** All schemas that records of a stream may have been written with, as far as this version knows; the current one first. */
export function knownSchemas(stream: Stream): readonly RecordSchema[] {
  const current = recordSchema(stream)
  const earlier = releasedSchemas()
    .filter((entry) => entry.stream === stream && entry.fingerprint !== current.fingerprint.toString('hex'))
    .map((entry) => parseSchema(stream, readFileSync(packageFile(releasedFile(entry)), 'utf8'), entry.since))
  return [current, ...earlier]
}

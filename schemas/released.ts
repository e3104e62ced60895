import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { packageFile, packageVersion } from '../common/package-root.ts'
import { STREAMS, type Stream } from './streams/index.ts'

/*
 * Schemas that a released version has written records with: schemas/released/<stream>/<fingerprint>.avsc, which never change, and
 * schemas/released/versions.json, which gives the version that introduced each one and the SHA-256 of its file.
 * `node dist/schemas/release.js` adds the schemas of schemas/avro/ when a version is released.
 */

const versionsSchema = z.array(
  z.object({
    stream: z.enum(STREAMS),
    /** MD5 of the parsing canonical form, hexadecimal: the name of the file. */
    fingerprint: z.string().regex(/^[0-9a-f]{32}$/),
    /** The version that introduced it. */
    since: z.string(),
    /** Of the file: the fingerprint does not cover docs, defaults and aliases. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
)

export type ReleasedSchema = z.infer<typeof versionsSchema>[number]

export const RELEASED_DIRECTORY = 'schemas/released'
export const VERSIONS_FILE = `${RELEASED_DIRECTORY}/versions.json`

/** All released schemas, oldest first. */
export function releasedSchemas(): readonly ReleasedSchema[] {
  return released
}

const released: readonly ReleasedSchema[] = versionsSchema.parse(
  JSON.parse(readFileSync(packageFile(VERSIONS_FILE), 'utf8')),
)

/** Path of a released schema in the package. */
export function releasedFile({ stream, fingerprint }: Pick<ReleasedSchema, 'stream' | 'fingerprint'>): string {
  return `${RELEASED_DIRECTORY}/${stream}/${fingerprint}.avsc`
}

/** The version that introduced a schema; for an unreleased one, this version. */
export function releasedIn(stream: Stream, fingerprint: Buffer): string {
  const hex = fingerprint.toString('hex')
  return released.find((entry) => entry.stream === stream && entry.fingerprint === hex)?.since ?? packageVersion()
}

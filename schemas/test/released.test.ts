import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile, packageVersion } from '../../common/package-root.ts'
import { parseSchema, recordSchema } from '../avro.ts'
import { RELEASED_DIRECTORY, releasedFile, releasedSchemas } from '../released.ts'
import { resolveAgainst } from '../resolve.ts'
import { STREAMS } from '../streams/index.ts'

/*
 * Disks and topics hold records that a released version wrote. If one of these tests fails, a released schema was edited, or was changed
 * in a way that cannot be read: add a field with a default, rename one and keep its old name in `aliases`, promote a type, or leave it.
 */

for (const entry of releasedSchemas()) {
  const { stream, fingerprint, since, sha256 } = entry
  const text = readFileSync(packageFile(releasedFile(entry)), 'utf8')

  t.test(`${stream} of version ${since}, ${fingerprint}: the file is unchanged since its release`, (t) => {
    t.equal(createHash('sha256').update(text).digest('hex'), sha256, 'a released schema is never edited')
    t.equal(parseSchema(stream, text, since).fingerprint.toString('hex'), fingerprint)
    t.end()
  })

  t.test(`${stream} of version ${since}, ${fingerprint}: this version stores its records whole`, (t) => {
    t.equal(resolveAgainst(parseSchema(stream, text, since).fields, recordSchema(stream).fields).obstacle, null)
    t.end()
  })
}

/** Streams that no version has released: they are of this one. */
const NEW = STREAMS.filter((stream) => !releasedSchemas().some((entry) => entry.stream === stream))

t.test('every stream has a released schema, and there is no file besides them', (t) => {
  const versions = new Set(releasedSchemas().map(({ since }) => since))
  if (versions.has(packageVersion())) t.same(NEW, [], 'this version has been released: make fixture keeps its schemas')
  t.same(
    readdirSync(packageFile(RELEASED_DIRECTORY), { withFileTypes: true }).filter((entry) => entry.isDirectory()).length,
    STREAMS.length - NEW.length,
  )
  for (const stream of STREAMS.filter((each) => !NEW.includes(each))) {
    t.same(
      readdirSync(packageFile(`${RELEASED_DIRECTORY}/${stream}`)).sort(),
      releasedSchemas()
        .filter((entry) => entry.stream === stream)
        .map(({ fingerprint }) => `${fingerprint}.avsc`)
        .sort(),
    )
  }
  t.end()
})

t.test('a current schema says which version introduced it', (t) => {
  for (const stream of STREAMS) t.match(recordSchema(stream).since, /^\d+\.\d+\.\d+/)
  t.end()
})

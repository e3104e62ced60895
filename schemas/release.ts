import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { packageFile, packageVersion } from '../common/package-root.ts'
import { recordSchema } from './avro.ts'
import { releasedFile, releasedSchemas, VERSIONS_FILE, type ReleasedSchema } from './released.ts'
import { STREAMS } from './streams/index.ts'

/* Run by `make fixture` before a release: stores the schemas that this version writes. */

const added: ReleasedSchema[] = []
for (const stream of STREAMS) {
  const { fingerprint } = recordSchema(stream)
  const entry = { stream, fingerprint: fingerprint.toString('hex') }
  if (releasedSchemas().some((known) => known.stream === stream && known.fingerprint === entry.fingerprint)) continue
  const file = packageFile(releasedFile(entry))
  const text = readFileSync(packageFile(`schemas/avro/${stream}.avsc`))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text, { flag: 'wx' })
  added.push({ ...entry, since: packageVersion(), sha256: createHash('sha256').update(text).digest('hex') })
}
writeFileSync(packageFile(VERSIONS_FILE), `${JSON.stringify([...releasedSchemas(), ...added], null, 2)}\n`)
for (const { stream, fingerprint } of added)
  console.log(`${stream}: kept as released by ${packageVersion()}, ${fingerprint}`)
if (added.length === 0) console.log('every schema has been released before')

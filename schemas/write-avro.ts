import { writeFileSync } from 'node:fs'
import { packageFile } from '../common/package-root.ts'
import { avroSource } from './avro.ts'
import { STREAMS } from './streams/index.ts'

/* Run by `make generate`: writes the streams' Avro schemas as files for other tools. */

for (const stream of STREAMS) {
  writeFileSync(packageFile(`schemas/avro/${stream}.avsc`), `${JSON.stringify(avroSource(stream))}\n`)
}

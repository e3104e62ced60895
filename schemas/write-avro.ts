import { writeFileSync } from 'node:fs'
import { packageFile } from '../common/package-root.ts'
import { avroSource } from './avro.ts'
import { TOPICS } from './streams/index.ts'

/* Run by `make generate`: writes the streams' Avro schemas as files for other tools. */

for (const topic of TOPICS) {
  writeFileSync(packageFile(`schemas/avro/${topic}.avsc`), `${JSON.stringify(avroSource(topic))}\n`)
}

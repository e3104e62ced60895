import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Batch } from '../../schemas/batch.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import { recordStructure } from '../exactly-once/statement.ts'
import type { RecordInserter } from '../exactly-once/insert.ts'
import { quoted, type SqlConnection } from '../sql.ts'

/**
 * Passes batches to the engine in this process as a file (their blocks after one container header), which the engine's own Avro reader
 * parses. The file is deleted after the statement and never synced: the record log has the bytes.
 */
export class AvroFiles {
  readonly #directory: string
  #sequence = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Takes over the directory: removes files of an earlier process. */
  async clear(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
    await mkdir(this.#directory, { recursive: true })
  }

  /** An inserter that uses this connection. */
  inserter(sql: SqlConnection): RecordInserter {
    return {
      // The statement is a string in this process, so its length is not limited.
      maxBatches: Infinity,
      insert: async (schema, batches, statement) => {
        const path = join(this.#directory, `${schema.stream}-${this.#sequence++}.avro`)
        try {
          await writeFile(path, container(schema, batches))
          await sql.run(statement(`file(${quoted(path)}, 'Avro', ${recordStructure(schema)})`))
        } finally {
          await rm(path, { force: true })
        }
      },
    }
  }
}

function container(schema: RecordSchema, batches: readonly Batch[]): Buffer {
  const blocks = batches.flatMap(({ recordCount, records }) => [
    blockHeader(recordCount, records.byteLength),
    records,
    schema.fingerprint,
  ])
  return Buffer.concat([containerHeader(schema), ...blocks])
}

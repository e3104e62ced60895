import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Batch } from '../../schemas/batch.ts'
import type { RecordSchema } from '../../schemas/avro.ts'
import { blockHeader, containerHeader } from '../../schemas/container.ts'
import { recordStructure } from '../exactly-once/statement.ts'
import type { RecordInserter } from '../exactly-once/insert.ts'
import { quoted, type SqlConnection } from '../sql.ts'

/**
 * Hands batches to the engine in this process: their blocks behind one container header in a file, which the engine's
 * own Avro reader parses. The file lives as long as its statement and is never synced: the record log has the bytes.
 */
export class AvroFiles {
  readonly #directory: string
  #sequence = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Takes the directory for itself: what an earlier process left there goes. */
  async clear(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
    await mkdir(this.#directory, { recursive: true })
  }

  /** An inserter that runs its statements on this connection. */
  inserter(sql: SqlConnection): RecordInserter {
    return {
      // The statement is text in this process: as many as there are.
      maxBatches: Infinity,
      insert: async (schema, batches, statement) => {
        const path = join(this.#directory, `${schema.topic}-${this.#sequence++}.avro`)
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

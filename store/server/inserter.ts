import { GatepostError, messageOf } from '../../common/errors.ts'
import { recordStructure } from '../exactly-once/statement.ts'
import type { RecordInserter } from '../exactly-once/insert.ts'
import { containerStream } from './body.ts'
import type { ServerClient } from './client.ts'
import { isAnswer } from './errors.ts'
import { INSERT_SECONDS, INSERT_SETTINGS } from './settings.ts'

/**
 * The statement is part of the URL, which a server limits to 1 MiB (http_max_uri_size), and it names each batch in 37 characters: 148 KB.
 */
export const MAX_BATCHES_PER_INSERT = 4000

/** Prefix of the query_id of every statement that inserts batches, in every store: see fence.ts. */
export const INSERT_ID_PREFIX = 'gatepost-insert-'

/** Passes batches to the server: their container is the request's body, which the engine's own Avro reader parses. */
export class HttpInserter implements RecordInserter {
  readonly maxBatches = MAX_BATCHES_PER_INSERT
  readonly #client: ServerClient
  readonly #owner: string
  readonly #settings: Readonly<Record<string, number | string>>
  /** Changes a statement before it is sent. */
  readonly #form: (sql: string) => string
  #sequence = 0

  constructor(
    client: ServerClient,
    owner: string,
    settings: Readonly<Record<string, number | string>> = {},
    form = (sql: string) => sql,
  ) {
    this.#client = client
    this.#owner = owner
    this.#form = form
    this.#settings = { ...INSERT_SETTINGS, ...settings }
  }

  readonly insert: RecordInserter['insert'] = async (schema, batches, statement) => {
    const { stream } = schema
    const sql = `${this.#form(statement(`input(${recordStructure(schema)})`))} FORMAT Avro`
    const queryId = `${INSERT_ID_PREFIX}${stream}-${this.#owner}-${this.#sequence++}`
    const body = containerStream(schema, batches)
    try {
      await this.#client.send(sql, body, queryId, this.#settings, INSERT_SECONDS)
    } catch (error) {
      if (isAnswer(error)) throw error
      const message = `insert into ${stream}, whose outcome is not known: ${messageOf(error)}`
      throw new GatepostError('STORE_UNAVAILABLE', message, error)
    } finally {
      body.destroy()
    }
  }
}

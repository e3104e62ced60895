import type { Connection } from '../connection.ts'
import { SqlError } from '../errors.ts'
import { fillingOf, type ExternalTable } from './external-tables.ts'

/** The external tables of one statement, as temporary tables of its connection. */
export class ExternalTables {
  readonly #connection: Connection
  readonly #maxBytes: number
  readonly #made: string[] = []

  constructor(connection: Connection, maxBytes: number) {
    this.#connection = connection
    this.#maxBytes = maxBytes
  }

  /**
   * PRECONDITION: the guard has judged its definition.
   * @throws SqlError MEMORY_LIMIT_EXCEEDED; the engine's error if there is such a table, or the data cannot be read
   */
  async make(table: ExternalTable): Promise<void> {
    await this.#connection.execute(table.definition)
    this.#made.push(table.name)
    await this.#connection.execute(fillingOf(table))
    const names = this.#made.map((name) => `'${name}'`).join(', ')
    const sql = `SELECT sum(total_bytes) FROM system.tables WHERE is_temporary AND name IN (${names})`
    const bytes = Number((await this.#connection.run(sql, 'TSV')).bytes.toString())
    if (bytes <= this.#maxBytes) return
    throw new SqlError('MEMORY_LIMIT_EXCEEDED', `The external tables of a query may have ${this.#maxBytes} bytes`)
  }

  /** From a connection that goes on. */
  async drop(): Promise<void> {
    for (const name of this.#made) await this.#connection.execute(`DROP TEMPORARY TABLE IF EXISTS \`${name}\``)
  }
}

import { createClient, type ClickHouseClient, type ClickHouseClientConfigOptions } from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import type { QueryParams } from '../contract.ts'

/** chdb declares its connection with types of @clickhouse/client-common, a copy of those in @clickhouse/client. */
type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>

/** Settings of the engine, by name. They stick to a connection, so each connection has one set for its lifetime. */
export type EngineSettings = Readonly<Record<string, number | string>>

/**
 * A connection to the engine in this process. Its owner runs one query at a time.
 *
 * It is replaced after any error. MEASURED: when a query fails after it began to write its result (a result above max_result_bytes, an
 * exception in a late row), the partial result is prepended to the next query's result on that connection.
 */
export class EngineConnection {
  readonly #path: string
  readonly #settings: EngineSettings
  #client: ClickHouseClient | null = null

  constructor(path: string, settings: EngineSettings) {
    this.#path = path
    this.#settings = settings
  }

  /** Rows of a SELECT as objects. @throws ClickHouseError with the engine's code and type */
  rows<T>(sql: string, params?: QueryParams): Promise<T[]> {
    return this.#use(async (client) => {
      const result = await client.query({ query: sql, format: 'JSONEachRow', ...bound(params) })
      return await result.json<T>()
    })
  }

  /** A statement without a result. @throws ClickHouseError with the engine's code and type */
  run(sql: string, params?: QueryParams): Promise<void> {
    return this.#use(async (client) => {
      await client.command({ query: sql, ...bound(params) })
    })
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    await client?.close()
  }

  async #use<T>(work: (client: ClickHouseClient) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await this.#open()
      return await work(this.#client)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async #open(): Promise<ClickHouseClient> {
    const connection = createChdbConnection({ path: this.#path }) as unknown as ClientConnection
    const client = createClient({ connection })
    try {
      await client.command({ query: setStatement(this.#settings) })
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }
}

function setStatement(settings: EngineSettings): string {
  const assignments = Object.entries(settings).map(
    ([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`,
  )
  return `SET ${assignments.join(', ')}`
}

function bound(params: QueryParams | undefined): { query_params?: Record<string, unknown> } {
  return params === undefined ? {} : { query_params: { ...params } }
}

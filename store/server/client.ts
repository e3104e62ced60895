import { createClient, type ClickHouseClient } from '@clickhouse/client'
import type { Readable } from 'node:stream'
import { messageOf } from '../../common/errors.ts'
import type { QueryParams } from '../contract.ts'
import { engineCode, type SqlConnection } from '../sql.ts'
import type { ServerAddress } from './address.ts'
import { COMMAND_SECONDS, COMMON_SETTINGS, QUERY_SECONDS } from './settings.ts'

type Settings = Readonly<Record<string, number | string>>

/** The server stops a statement at its own limit; an answer that is this much later is not coming. */
const GRACE_SECONDS = 5
/** Concurrent requests; more are queued, within their time limit. */
const MAX_CONNECTIONS = 16
/** Characters. */
const MAX_TEXT = 1000

/**
 * The official client, with a time limit on every request. An aborted request may continue on the server. Errors are the client's: a
 * ClickHouseError with a code is the engine's own answer; any other error leaves the outcome of the statement unknown.
 */
export class ServerClient implements SqlConnection {
  readonly #client: ClickHouseClient
  readonly #settings: Settings

  constructor(address: ServerAddress, compress: boolean, settings: Settings = {}) {
    this.#settings = { ...COMMON_SETTINGS, ...settings }
    this.#client = createClient({
      url: address.origin,
      username: address.username,
      password: address.password,
      // Statements name their database, which may not exist yet.
      database: 'default',
      application: 'gatepost',
      // Every request has its own limit.
      request_timeout: 2 * COMMAND_SECONDS * 1000,
      max_open_connections: MAX_CONNECTIONS,
      compression: { request: compress, response: compress },
      // Shorter than any server's own, so that no statement is sent on a connection that is being closed.
      keep_alive: { enabled: true, idle_socket_ttl: 1500 },
      log: { level: 127 },
    })
  }

  rows<T>(sql: string, params?: QueryParams, seconds = QUERY_SECONDS): Promise<T[]> {
    return within(seconds, async (signal) => {
      const result = await this.#client.query({
        query: sql,
        format: 'JSONEachRow',
        clickhouse_settings: { ...this.#settings, max_execution_time: seconds },
        abort_signal: signal,
        ...(params && { query_params: { ...params } }),
      })
      signal.addEventListener('abort', () => result.close())
      return await result.json<T>()
    })
  }

  run(sql: string, params?: QueryParams, seconds = COMMAND_SECONDS): Promise<void> {
    return within(seconds, async (signal) => {
      await this.#client.command({
        query: sql,
        clickhouse_settings: { ...this.#settings, max_execution_time: seconds },
        abort_signal: signal,
        ...(params && { query_params: { ...params } }),
      })
    })
  }

  /** The answer to a statement that takes no FORMAT, such as CHECK GRANT: as TabSeparated, a few bytes. */
  text(sql: string, seconds = QUERY_SECONDS): Promise<string> {
    return within(seconds, async (signal) => {
      const { stream } = await this.#client.exec({
        query: sql,
        clickhouse_settings: { ...this.#settings, max_execution_time: seconds },
        abort_signal: signal,
      })
      signal.addEventListener('abort', () => stream.destroy())
      let text = ''
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        text += chunk.toString()
        if (text.length > MAX_TEXT) throw new Error(`not an answer of ClickHouse: ${text.slice(0, 200)}`)
      }
      return text.trim()
    })
  }

  /** A statement that reads `body`, through input() or after FORMAT. */
  send(sql: string, body: Readable, queryId: string, settings: Settings, seconds: number): Promise<void> {
    return within(seconds, async (signal) => {
      const { stream } = await this.#client.exec({
        query: sql,
        values: body,
        query_id: queryId,
        clickhouse_settings: { ...this.#settings, ...settings, max_execution_time: seconds },
        abort_signal: signal,
      })
      signal.addEventListener('abort', () => stream.destroy())
      // Empty, unless a proxy in between sends something.
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const text = chunk.toString().trim()
        if (text !== '') throw new Error(`not an answer of ClickHouse: ${text.slice(0, 200)}`)
      }
    })
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

/** Also covers an answer that begins and never ends, which the client's own limit does not. */
async function within<T>(seconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = seconds + GRACE_SECONDS
  const controller = new AbortController()
  const { signal } = controller
  const over = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${limit} s`)))
  })
  const timer = setTimeout(() => controller.abort(), limit * 1000)
  const working = work(signal)
  working.catch(() => undefined)
  over.catch(() => undefined)
  try {
    return await Promise.race([over, working])
  } catch (error) {
    // Several addresses were tried; the aggregate has no message of its own.
    if (error instanceof AggregateError) throw new Error(error.errors.map(messageOf).join('; '), { cause: error })
    // The client uses the text of the answer as the message, and an answer may have none.
    if (messageOf(error) === '' && engineCode(error) === null)
      throw new Error('an error without a text, not from ClickHouse', { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
  }
}

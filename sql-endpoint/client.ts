import { ClickHouseError, createClient, type ClickHouseClient } from '@clickhouse/client'
import { GatepostError, messageOf } from '../common/errors.ts'
import type { QueryParams } from '../store/contract.ts'
import type { OpenTables } from '../store/table-store.ts'

// Shorter than the time to wait for the lock, so that a hanging instance does not use all of it.
const PROBE_TIMEOUT_MS = 3000
const REQUEST_TIMEOUT_MS = 10 * 60_000

/** How to reach a running instance. */
export interface EndpointAddress {
  readonly sqlUrl: string
  readonly user: string
  readonly key: string
}

/** The tables through the SQL endpoint of a running instance. Null: nothing there accepts this key. */
export async function openSqlEndpoint({ sqlUrl, user, key }: EndpointAddress): Promise<OpenTables | null> {
  const client = createClient({
    url: sqlUrl,
    username: user,
    password: key,
    database: 'gatepost',
    request_timeout: REQUEST_TIMEOUT_MS,
    keep_alive: { enabled: true },
    max_open_connections: 2,
    log: { level: 127 },
  })
  if (!(await answers(client))) {
    await client.close()
    return null
  }
  return {
    query: async <T>(sql: string, params?: QueryParams) => {
      const result = await attempt(() =>
        client.query({ query: sql, format: 'JSONEachRow', ...(params && { query_params: { ...params } }) }),
      )
      return attempt(() => result.json<T>())
    },
    command: async (sql, params) => {
      await attempt(() => client.command({ query: sql, ...(params && { query_params: { ...params } }) }))
    },
    close: () => client.close(),
  }
}

/** After a crash, the announced port may belong to another program by now: only acceptance of the key counts. */
async function answers(client: ClickHouseClient): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    const result = await client.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow', abort_signal: signal })
    const rows = await result.json<{ one: number }>()
    return rows.length === 1 && Number(rows[0].one) === 1
  } catch {
    return false
  }
}

async function attempt<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof ClickHouseError) throw new GatepostError('STORE_REFUSED', error.message, error)
    throw new GatepostError('STORE_UNAVAILABLE', `the running instance: ${messageOf(error)}`, error)
  }
}

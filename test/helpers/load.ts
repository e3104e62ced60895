import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type LoadRoute = 'ping' | 'auth' | 'post_auth' | 'gateway_ping'

/** The table and the column that hold a route's ids. */
export const LOAD_TABLES: Record<LoadRoute, { table: string; column: string; prefix: string }> = {
  ping: { table: 'gateway_pings', column: 'gw_id', prefix: 'p' },
  gateway_ping: { table: 'gateway_pings', column: 'gw_id', prefix: 'g' },
  auth: { table: 'gateway_auth', column: 'gw_id', prefix: 'a' },
  post_auth: { table: 'post_auth', column: 'task_id', prefix: 'r' },
}

/** The target of requests: the ports of an instance's listeners. */
export interface LoadTarget {
  readonly ingestPort: number
  readonly gatewayPort: number
}

export interface LoadOptions {
  readonly maxRequests: number
  /** Pause of each loop between two requests, ms; default: none. */
  readonly pauseMs?: number
  /** The number of the first id; default 0. */
  readonly first?: number
}

/** Rows of a query. */
export type RunQuery = <T>(sql: string) => Promise<T[]>

/**
 * A bounded load on every route, each request with an id of its own. `acknowledged` holds the ids of records that the server acknowledged
 * (204, or `X-Gatepost-Record: kept`), with the time at which they were sent.
 */
export class Load {
  readonly acknowledged: Record<LoadRoute, Map<string, number>> = {
    ping: new Map(),
    auth: new Map(),
    post_auth: new Map(),
    gateway_ping: new Map(),
  }
  /** Requests with an unknown outcome: the connection broke, or the answer was another. */
  unknown = 0
  readonly #targets: readonly LoadTarget[]
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  readonly #options: LoadOptions
  #next: number
  #stopped = false
  #loops: Promise<void>[] = []

  constructor(targets: readonly LoadTarget[], options: LoadOptions) {
    this.#targets = targets
    this.#options = options
    this.#next = options.first ?? 0
  }

  /** Starts `perRoute` loops for each route and target; each further call adds as many, unless stopped meanwhile. */
  start(perRoute: number): void {
    this.#stopped = false
    for (const route of Object.keys(LOAD_TABLES) as LoadRoute[]) {
      for (let loop = 0; loop < perRoute; loop++) {
        for (const target of this.#targets) this.#loops.push(this.#loop(route, target))
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops.splice(0))
    this.#agent.destroy()
  }

  get total(): number {
    return Object.values(this.acknowledged).reduce((sum, ids) => sum + ids.size, 0)
  }

  /** Sends one request with the next id. @returns the id if its record is kept */
  async send(route: LoadRoute, target: LoadTarget): Promise<string | null> {
    const id = `${LOAD_TABLES[route].prefix}${this.#next++}`
    const sentAt = Date.now()
    const kept = await this.#send(route, target, id).catch(() => false)
    if (kept) this.acknowledged[route].set(id, sentAt)
    return kept ? id : null
  }

  async #loop(route: LoadRoute, target: LoadTarget): Promise<void> {
    const { maxRequests, pauseMs = 0, first = 0 } = this.#options
    while (!this.#stopped && this.#next < first + maxRequests) {
      if (pauseMs > 0) await sleep(pauseMs)
      if ((await this.send(route, target)) !== null) continue
      this.unknown++
      // No process listens at the moment.
      await sleep(10)
    }
  }

  #send(route: LoadRoute, { ingestPort, gatewayPort }: LoadTarget, id: string): Promise<boolean> {
    const ping = `/ping?gw_id=${id}&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4`
    switch (route) {
      case 'ping':
        return this.#http(ingestPort, 'GET', ping)
      case 'auth':
        return this.#http(
          ingestPort,
          'GET',
          `/auth/?stage=counters&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t${id}&incoming=1&outgoing=2&gw_id=${id}`,
        )
      case 'post_auth':
        return this.#http(
          ingestPort,
          'POST',
          '/logging/post-auth',
          JSON.stringify({ username: 'someone', authentication_result: 'Access-Accept', task_id: id }),
        )
      case 'gateway_ping':
        return this.#http10(gatewayPort, `/wifidog${ping}`)
    }
  }

  #http(port: number, method: string, path: string, body?: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, method, path, agent: this.#agent, timeout: 10_000 },
        (response) => {
          response.resume()
          response.once('end', () =>
            resolve(response.statusCode === 204 || response.headers['x-gatepost-record'] === 'kept'),
          )
          response.once('error', reject)
        },
      )
      sent.once('error', reject)
      sent.once('timeout', () => sent.destroy(new Error('timeout')))
      sent.end(body)
    })
  }

  #http10(port: number, path: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`))
      let answer = ''
      socket.setTimeout(10_000, () => socket.destroy(new Error('timeout')))
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
      socket.once('error', reject)
      socket.once('close', () => resolve(answer.endsWith('Pong') && answer.includes('X-Gatepost-Record: kept')))
    })
  }
}

/** The outcome of the acknowledged records. */
export interface Ledger {
  acknowledged: number
  stored: number
  duplicates: number
  lost: number
}

/** Ids that were acknowledged, by route: a Load, or sets. */
export interface Acknowledgements {
  readonly acknowledged: Record<LoadRoute, { keys(): Iterable<string> }>
}

/** Compares the acknowledged ids with the tables. */
export async function compare(query: RunQuery, load: Acknowledgements): Promise<Ledger> {
  const ledger: Ledger = { acknowledged: 0, stored: 0, duplicates: 0, lost: 0 }
  for (const [route, { table, column, prefix }] of Object.entries(LOAD_TABLES)) {
    const rows = await query<{ id: string; n: number }>(
      `SELECT ${column} AS id, toUInt32(count()) AS n FROM ${table} WHERE startsWith(${column}, '${prefix}') GROUP BY id`,
    )
    const stored = new Map(rows.map((row) => [row.id, row.n]))
    for (const n of stored.values()) if (n > 1) ledger.duplicates++
    ledger.stored += stored.size
    for (const id of load.acknowledged[route as LoadRoute].keys()) {
      ledger.acknowledged++
      if (!stored.has(id)) ledger.lost++
    }
  }
  return ledger
}

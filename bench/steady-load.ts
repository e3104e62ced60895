import { Connection } from './connection.ts'
import type { Watch, WatchedRoute } from './watch.ts'

const ROUTES: readonly WatchedRoute[] = ['ping', 'auth', 'post_auth']
/** One request in so many milliseconds is watched. */
const WATCH_EVERY_MS = 50
const TICK_MS = 5

export interface LoadResult {
  readonly acknowledged: number
  readonly notKept: number
  readonly seconds: number
}

/**
 * So many requests a second over the three routes, each with an id of its own. A server that falls behind gets no more
 * than the connections carry: the load then waits for it, and the rate achieved is less.
 */
export class SteadyLoad {
  readonly #port: number
  readonly #rate: number
  readonly #watch: Watch | null
  readonly #free: Connection[]
  readonly #connections: number
  #timer: NodeJS.Timeout | null = null
  #startedAt = 0
  #sent = 0
  #acknowledged = 0
  #notKept = 0
  #watchedAt = 0
  #idle: (() => void) | null = null

  /** @param watch told of one record every 50 ms */
  constructor(port: number, rate: number, connections: number, watch: Watch | null = null) {
    this.#port = port
    this.#rate = rate
    this.#watch = watch
    this.#connections = connections
    this.#free = Array.from({ length: connections }, () => new Connection(port))
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  async stop(): Promise<LoadResult> {
    if (this.#timer) clearInterval(this.#timer)
    const seconds = (performance.now() - this.#startedAt) / 1000
    await new Promise<void>((resolve) => {
      this.#idle = resolve
      if (this.#free.length === this.#connections) resolve()
    })
    for (const connection of this.#free) connection.close()
    return { acknowledged: this.#acknowledged, notKept: this.#notKept, seconds }
  }

  #tick(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#rate)
    while (this.#sent < due) {
      const connection = this.#free.pop()
      if (connection === undefined) return
      // The server closes connections that were idle for long.
      this.#send(connection.usable ? connection : new Connection(this.#port))
    }
  }

  #send(connection: Connection): void {
    const route = ROUTES[this.#sent % ROUTES.length]
    const id = `${route}-${this.#rate}-${this.#sent++}`
    connection.send(requestOf(route, id), (kept) => {
      if (kept) this.#acknowledged++
      else this.#notKept++
      if (kept && performance.now() - this.#watchedAt > WATCH_EVERY_MS) {
        this.#watchedAt = performance.now()
        this.#watch?.acknowledged(route, id)
      }
      this.#free.push(connection)
      if (this.#idle === null) this.#tick()
      else if (this.#free.length === this.#connections) this.#idle()
    })
  }
}

function requestOf(route: WatchedRoute, id: string): string {
  switch (route) {
    case 'ping':
      return get(`/ping/?gw_id=${id}&sys_uptime=700000&sys_memfree=52000&sys_load=0.03&wifidog_uptime=600000`)
    case 'auth':
      return get(
        `/auth/?stage=counters&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t${id}&incoming=1&outgoing=2&gw_id=${id}`,
      )
    case 'post_auth': {
      const body = JSON.stringify({ username: 'someone', authentication_result: 'Access-Accept', task_id: id })
      return `POST /logging/post-auth HTTP/1.1\r\nHost: bench\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    }
  }
}

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: bench\r\n\r\n`
}

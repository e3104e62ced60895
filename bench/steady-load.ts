import { Agent, request } from 'node:http'
import type { Watch, WatchedRoute } from './watch.ts'

const ROUTES: readonly WatchedRoute[] = ['ping', 'auth', 'post_auth']
/** One request in so many milliseconds is watched. */
const WATCH_EVERY_MS = 50
const TICK_MS = 10

/**
 * So many requests a second over the three routes, each with an id of its own, over keep-alive connections. A server
 * that falls behind gets no more than the connections carry: the load waits for it, and the rate achieved is less.
 */
export class SteadyLoad {
  readonly #port: number
  readonly #rate: number
  readonly #connections: number
  readonly #watch: Watch
  readonly #agent: Agent
  #timer: NodeJS.Timeout | null = null
  #startedAt = 0
  #sent = 0
  #underWay = 0
  #acknowledged = 0
  #notKept = 0
  #watchedAt = 0
  #idle: (() => void) | null = null

  constructor(port: number, rate: number, connections: number, watch: Watch) {
    this.#port = port
    this.#rate = rate
    this.#connections = connections
    this.#watch = watch
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  async stop(): Promise<{ acknowledged: number; notKept: number; seconds: number }> {
    if (this.#timer) clearInterval(this.#timer)
    const seconds = (performance.now() - this.#startedAt) / 1000
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#agent.destroy()
    return { acknowledged: this.#acknowledged, notKept: this.#notKept, seconds }
  }

  #tick(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#rate)
    while (this.#sent < due && this.#underWay < this.#connections) this.#send(ROUTES[this.#sent % ROUTES.length])
  }

  #send(route: WatchedRoute): void {
    const id = `${route}-${this.#rate}-${this.#sent++}`
    this.#underWay++
    const settle = (kept: boolean) => {
      this.#underWay--
      if (kept) this.#acknowledged++
      else this.#notKept++
      if (kept && performance.now() - this.#watchedAt > WATCH_EVERY_MS) {
        this.#watchedAt = performance.now()
        this.#watch.acknowledged(route, id)
      }
      if (this.#underWay === 0) this.#idle?.()
    }
    const { method, path, body } = requestOf(route, id)
    const sent = request(
      { host: '127.0.0.1', port: this.#port, method, path, agent: this.#agent, timeout: 10_000 },
      (response) => {
        response.resume()
        response.once('end', () => settle(response.headers['x-gatepost-record'] === 'kept'))
      },
    )
    sent.once('error', () => settle(false))
    sent.once('timeout', () => sent.destroy(new Error('timeout')))
    sent.end(body)
  }
}

function requestOf(route: WatchedRoute, id: string): { method: string; path: string; body?: string } {
  switch (route) {
    case 'ping':
      return {
        method: 'GET',
        path: `/ping/?gw_id=${id}&sys_uptime=700000&sys_memfree=52000&sys_load=0.03&wifidog_uptime=600000`,
      }
    case 'auth':
      return {
        method: 'GET',
        path: `/auth/?stage=counters&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t${id}&incoming=1&outgoing=2&gw_id=${id}`,
      }
    case 'post_auth':
      return {
        method: 'POST',
        path: '/logging/post-auth',
        body: JSON.stringify({ username: 'someone', authentication_result: 'Access-Accept', task_id: id }),
      }
  }
}

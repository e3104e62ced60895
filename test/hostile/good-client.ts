import { setTimeout as sleep } from 'node:timers/promises'
import type { Instance } from '../helpers/instance.ts'

/** A gateway and a RADIUS server that go on while others attack: one request after the other, on both listeners. */
export class GoodClient {
  /** Requests whose record was kept. */
  kept = 0
  /** What was answered to the others: the first of them. */
  readonly failures: string[] = []
  readonly #instance: Instance
  readonly #pauseMs: number
  #times: number[] = []
  #stopped = false
  #loops: Promise<void>[] = []

  constructor(instance: Instance, pauseMs = 5) {
    this.#instance = instance
    this.#pauseMs = pauseMs
  }

  start(): this {
    const { gatewayPort, ingestPort } = this.#instance
    const ping = '/ping?gw_id=good&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4'
    const body = '{"username":"good","authentication_result":"Access-Accept"}'
    this.#loops = [
      this.#loop(() => fetch(this.#instance.url(ping, gatewayPort), { headers: { connection: 'close' } })),
      this.#loop(() => fetch(this.#instance.url(ping, ingestPort))),
      this.#loop(() => fetch(this.#instance.url('/logging/post-auth', ingestPort), { method: 'POST', body })),
    ]
    return this
  }

  /** The 99th percentile of the times of all answers since it was asked last, ms. */
  p99(): number {
    const times = this.#times.sort((a, b) => a - b)
    this.#times = []
    return times[Math.floor(times.length * 0.99)]
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  #failed(how: string): void {
    if (this.failures.length < 10) this.failures.push(how)
  }

  async #loop(send: () => Promise<Response>): Promise<void> {
    while (!this.#stopped) {
      const began = performance.now()
      try {
        const response = await send()
        const text = await response.text()
        this.#times.push(performance.now() - began)
        if (response.headers.get('x-gatepost-record') === 'kept') this.kept++
        else this.#failed(`${response.status} ${text}`)
      } catch (error) {
        this.#failed(error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error))
      }
      await sleep(this.#pauseMs)
    }
  }
}

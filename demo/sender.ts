import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError } from '../common/errors.ts'
import { Client, type Request, type Response } from './client.ts'
import type { DemoEvent, GuestSession } from './events.ts'
import type { Site } from './fleet.ts'

/** Records that were sent and stored, by table. */
export interface Sent {
  logins: number
  rejected: number
  heartbeats: number
  /** Reports that became dead letters. */
  mistakes: number
  /** Tokens issued by the portal. */
  sessions: number
  /** Logins, counters and logouts of gateways. */
  auth: number
}

export interface SenderOptions {
  readonly gatewayPort: number
  readonly ingestPort: number
  readonly key: string
  readonly connections: number
  /** Send the event's time as the receive time of its requests. */
  readonly overrides: boolean
}

/** A record that is not kept is sent again: a busy journal refuses some. */
const TRIES = 200
const PAUSE_MS = 20

/** Turns events into the requests that RADIUS servers, gateways and browsers send. */
export class Sender {
  readonly sent: Sent = { logins: 0, rejected: 0, heartbeats: 0, mistakes: 0, sessions: 0, auth: 0 }
  readonly #bulk: Client
  readonly #gateway: Client
  readonly #overrides: boolean

  constructor({ gatewayPort, ingestPort, key, connections, overrides }: SenderOptions) {
    this.#bulk = new Client(ingestPort, key, connections)
    this.#gateway = new Client(gatewayPort, key, connections)
    this.#overrides = overrides
  }

  /** Resolves when the records of the event are durable. @throws GatepostError LOG_UNAVAILABLE: a record was refused on every attempt */
  async send(event: DemoEvent): Promise<void> {
    const at = this.#time(event.at)
    switch (event.kind) {
      case 'login':
        await this.#kept(this.#bulk, { path: '/logging/post-auth', from: '127.0.0.1', at, body: event.login.body })
        this.sent.logins++
        if (!event.login.accepted) this.sent.rejected++
        return
      case 'mistake':
        await this.#kept(this.#bulk, { path: '/logging/post-auth', from: '127.0.0.1', at, body: event.body })
        this.sent.mistakes++
        return
      case 'heartbeat':
        await this.#kept(this.#gateway, { path: `/ping/?${event.query}`, at, ...asGateway(event.site) })
        this.sent.heartbeats++
        return
      case 'session': {
        const { session, step } = event
        const { previous } = session
        session.previous = previous.then(() =>
          step === 'begin' ? this.#begin(session) : this.#report(event.at, session, step),
        )
        return session.previous
      }
    }
  }

  close(): void {
    this.#bulk.close()
    this.#gateway.close()
  }

  #time(at: number): number | null {
    return this.#overrides ? at : null
  }

  /** The login of a browser at the portal, and the gateway's auth request for it. */
  async #begin(session: GuestSession): Promise<void> {
    const { site, mac, ip, begins } = session
    const { gwId, address } = site.gateway
    const query = new URLSearchParams({
      gw_address: address,
      gw_port: '2060',
      gw_id: gwId,
      ip,
      mac,
      url: 'http://example.org/',
    })
    const path = `/login/?${query.toString()}`
    const page = await this.#gateway.send({ path, from: site.ip, at: this.#time(begins) })
    const form = /name="form" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
    const cookie = (page.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]).join('; ')
    const headers = { Cookie: cookie, 'Content-Type': 'application/x-www-form-urlencoded' }
    const body = new URLSearchParams({ form, method: 'click' }).toString()
    const granted = await this.#kept(this.#gateway, {
      path,
      from: site.ip,
      at: this.#time(begins + 7000),
      headers,
      body,
    })
    session.token = /[?&]token=(\w+)/.exec(granted.headers.location ?? '')?.[1] ?? null
    if (session.token === null) return
    this.sent.sessions++
    await this.#report(begins + 8000, session, 'login')
  }

  async #report(at: number, session: GuestSession, stage: 'login' | 'counters' | 'logout'): Promise<void> {
    const { site, mac, ip, begins, token } = session
    if (token === null) return
    const seconds = stage === 'login' ? 0 : (at - begins) / 1000
    const query = new URLSearchParams({
      stage,
      ip,
      mac,
      token,
      incoming: String(Math.floor(seconds * session.incoming)),
      outgoing: String(Math.floor(seconds * session.outgoing)),
      gw_id: site.gateway.gwId,
    })
    await this.#kept(this.#gateway, { path: `/auth/?${query.toString()}`, at: this.#time(at), ...asGateway(site) })
    this.sent.auth++
  }

  async #kept(client: Client, request: Request): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const response = await client.send(request)
      if (response.headers['x-gatepost-record'] === 'kept') return response
      if (tries === TRIES) {
        const record = String(response.headers['x-gatepost-record'])
        throw new GatepostError(
          'LOG_UNAVAILABLE',
          `${request.path.split('?')[0]} was answered ${response.status}, record ${record}, ${TRIES} times`,
        )
      }
      await sleep(PAUSE_MS)
    }
  }
}

function asGateway({ ip, gateway }: Site): Pick<Request, 'from' | 'headers'> {
  return { from: ip, headers: { 'User-Agent': gateway.userAgent } }
}

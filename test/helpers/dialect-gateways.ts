import { connect } from 'node:net'
import { WebSocket, type RawData } from 'ws'

/*
 * Gateways as their dialects speak (docs/gateways.md): what they send, what they look for in the answers, and whom they then let through. The firewall
 * behind each is a few counters, which start again when it is reloaded.
 */

export interface Dialect {
  readonly name: string
  readonly userAgent: string
  /** How clients are reported: a request each, one list of a gateway or of a machine, or not at all. */
  readonly counters: 'each' | 'ng' | 'clients' | 'machine' | 'none'
  /** Auth requests name the gateway. */
  readonly namesItself: boolean
  /** Heartbeats tell how long the program runs. */
  readonly tellsUptime: boolean
  /** Reports tell how long a client is connected. */
  readonly tellsTime: boolean
  /** A connection over which clients can be removed. */
  readonly hasChannel: boolean
}

const wifidog = { counters: 'each', namesItself: true, tellsUptime: true, tellsTime: false, hasChannel: false } as const
export const DIALECTS: readonly Dialect[] = [
  { ...wifidog, name: 'wifidog 1.1.5', userAgent: 'WiFiDog 1.1.5', namesItself: false },
  { ...wifidog, name: 'wifidog 1.3', userAgent: 'WiFiDog 1.3.0' },
  { ...wifidog, name: 'apfree 6', userAgent: 'ApFree WiFiDog', counters: 'clients', tellsTime: true },
  { ...wifidog, name: 'apfree 7.08', userAgent: 'ApFree WiFiDog', counters: 'clients', tellsTime: true },
  { ...wifidog, name: 'apfree 8.05', userAgent: 'ApFree-WiFiDog', counters: 'machine' },
  { ...wifidog, name: 'apfree 9.07', userAgent: 'ApFree-WiFiDog', counters: 'machine', hasChannel: true },
  { ...wifidog, name: 'wifidog-ng 1.5', userAgent: 'libuclient', counters: 'ng', tellsTime: true },
  { ...wifidog, name: 'wifidog-ng 2', userAgent: 'curl/8', counters: 'none' },
  { ...wifidog, name: 'reyee', userAgent: 'WiFiDog', tellsUptime: false },
]

const FAMILIES = ['incoming', 'outgoing', 'incoming6', 'outgoing6'] as const
export type Bytes = Record<(typeof FAMILIES)[number], number>
export const NO_BYTES: Bytes = { incoming: 0, outgoing: 0, incoming6: 0, outgoing6: 0 }

/** A client, as its gateway knows it. */
export interface Client {
  readonly mac: string
  readonly ip: string
  readonly token: string
  readonly id: number
  readonly since: number
  /** Since it was let in, or since the firewall was reloaded. */
  counted: Bytes
  /** Reports that were answered since then. */
  answered: number
}

let lastId = 0

export class DialectGateway {
  readonly id: string
  readonly dialect: Dialect
  /** Its own, and therefore its clients', as a proxy in front says. */
  readonly address: string
  readonly clients = new Map<string, Client>()
  /** Of one machine, which sends the heartbeats and reports of all. */
  readonly machine: DialectGateway[]
  /** The codes that clients were answered in the latest round. */
  readonly codes = new Map<string, number>()
  restarts = 0
  readonly #port: number
  readonly #deviceId: string
  #startedAt = Date.now()
  #channel: WebSocket | null = null

  constructor(dialect: Dialect, id: string, address: string, port: number, first?: DialectGateway) {
    this.dialect = dialect
    this.id = id
    this.address = address
    this.#port = port
    this.machine = first?.machine ?? []
    this.machine.push(this)
    this.#deviceId = dialect.counters === 'machine' ? `machine-${address}` : ''
  }

  /** @returns the code in the answer; null: there was none */
  async login(mac: string, ip: string, token: string): Promise<number | null> {
    const code = await this.#auth('login', { mac, ip, token, counted: NO_BYTES })
    if (code === 1) {
      const client = { mac, ip, token, id: ++lastId, since: Date.now(), counted: { ...NO_BYTES }, answered: 0 }
      this.clients.set(mac, client)
    }
    return code
  }

  async logout(mac: string): Promise<void> {
    const client = this.clients.get(mac) as Client
    this.clients.delete(mac)
    await this.#auth('logout', client)
  }

  /** Whether a client may be online: Ruijie and Reyee ask so. */
  async asks(mac: string): Promise<number | null> {
    return codeIn(await this.#get('auth/', { stage: 'query', gw_id: this.id, ip: '10.0.0.1', mac }))
  }

  /** The device appears without a token (wifidog-ng 2). @returns the token that it got */
  async roam(mac: string, ip: string): Promise<string | null> {
    const answer = await this.#get('auth', { stage: 'roam', gw_id: this.id, ip, mac })
    const token = /^token=(\w+)$/.exec(answer ?? '')?.[1] ?? null
    if (token !== null) await this.login(mac, ip, token)
    return token
  }

  traffic(mac: string, bytes: Partial<Bytes>): void {
    const client = this.clients.get(mac) as Client
    for (const family of FAMILIES) client.counted[family] += bytes[family] ?? 0
  }

  get uptimeSeconds(): number {
    return Math.floor((Date.now() - this.#startedAt) / 1000)
  }

  /** The program starts anew: it knows no clients, and tells nobody. */
  restart(): void {
    this.restarts++
    this.#startedAt = Date.now()
    this.clients.clear()
    this.close()
  }

  /** The firewall's counters begin anew, and the clients stay. */
  reload(): void {
    for (const client of this.clients.values()) Object.assign(client, { counted: { ...NO_BYTES }, answered: 0 })
  }

  close(): void {
    this.#channel?.terminate()
    this.#channel = null
  }

  /** What happens once in each interval. @returns whether everything was answered */
  async interval(): Promise<boolean> {
    if (this.machine[0] !== this) return true
    if (!(await this.ping())) return false
    return this.report()
  }

  async ping(): Promise<boolean> {
    const uptime = Math.max(1, this.uptimeSeconds)
    const { counters, name, hasChannel } = this.dialect
    const ng = name.startsWith('wifidog-ng')
    const load = ng ? '3276' : '0.05'
    const numbers = { sys_uptime: uptime, sys_memfree: ng ? 8192 : 26_040, sys_load: load, wifidog_uptime: uptime }
    if (hasChannel) await this.#openChannel()
    let query: Record<string, string | number> = { gw_id: this.id, ...numbers }
    if (counters === 'machine') query = { device_id: this.#deviceId, ...numbers, aw_version: name.slice(7) }
    if (name === 'reyee')
      query = { gw_sn: `SN-${this.id}`, gw_id: this.id, dev_model: 'EG105G', dev_softversion: '1.2' }
    const answer = await this.#get(ng ? 'ping' : 'ping/', query)
    // wifidog-ng compares the whole of it, others search.
    return ng ? answer === 'Pong' : (answer ?? '').includes('Pong')
  }

  /** Reports all clients, and does what the answers say. @returns whether all were answered */
  async report(): Promise<boolean> {
    for (const each of this.machine) each.codes.clear()
    const clients = [...this.clients.values()]
    switch (this.dialect.counters) {
      case 'none':
        return true
      case 'each': {
        const stage = this.dialect.name === 'reyee' ? 'counter' : 'counters'
        for (const client of clients) if (!this.#told(client, await this.#auth(stage, client))) return false
        return true
      }
      case 'ng': {
        const counters = clients.map((client) => ({
          ...{ ip: client.ip, mac: client.mac, token: client.token, uptime: secondsOf(client) },
          ...{ incoming: in32Bits(client.counted.incoming), outgoing: in32Bits(client.counted.outgoing) },
        }))
        const answer = await this.#post(`auth?gw_id=${this.id}&stage=counters`, { counters })
        if (answer === null) return false
        const { resp } = answer as { resp: { mac: string; auth: number }[] }
        const denied = new Set(resp.filter(({ auth }) => auth === 0).map(({ mac }) => mac))
        for (const client of clients) this.#told(client, denied.has(client.mac) ? 0 : 1)
        return true
      }
      case 'clients': {
        const report = { gw_id: this.id, clients: clients.map((client) => this.#listed(client)) }
        const answer = (await this.#post('auth/?stage=counters_v2', report)) as Operations | null
        if (answer?.gw_id !== this.id) return false
        return this.#toldAll(answer)
      }
      case 'machine': {
        const gateway = this.machine.map((each) => ({
          ...{ gw_id: each.id, gw_channel: 'apfree' },
          clients: [...each.clients.values()].map((client) => each.#listed(client)),
        }))
        const report = { device_id: this.#deviceId, gateway }
        const answer = (await this.#post('auth/?stage=counters_v2', report)) as { result: Operations[] } | null
        if (answer === null) return false
        return this.machine.every((each) => {
          const own = answer.result.find(({ gw_id }) => gw_id === each.id)
          return own !== undefined && each.#toldAll(own)
        })
      }
    }
  }

  #toldAll({ auth_op }: Operations): boolean {
    return [...this.clients.values()].every((client) => {
      const own = auth_op.find(({ id }) => id === client.id)
      return own !== undefined && this.#told(client, own.auth_code)
    })
  }

  #told(client: Client, code: number | null): boolean {
    if (code === null) return false
    client.answered++
    this.codes.set(client.mac, code)
    if (code === 0 || code === 6) this.clients.delete(client.mac)
    return true
  }

  /** A client in apfree's lists. From 8.05 on the names of the directions are exchanged. */
  #listed(client: Client): object {
    const { id, ip, mac, token, counted, since } = client
    const same = {
      id,
      ip,
      mac,
      token,
      name: 'N/A',
      first_login: Math.floor(since / 1000),
      is_online: true,
      wired: false,
    }
    const { incoming, outgoing, incoming6, outgoing6 } = counted
    if (this.dialect.counters === 'clients') return { ...same, incoming, outgoing, online_time: secondsOf(client) }
    const ofV6 = { incoming_bytes_v6: outgoing6, outgoing_bytes_v6: incoming6 }
    return { ...same, incoming_bytes: outgoing, outgoing_bytes: incoming, ...ofV6 }
  }

  async #auth(stage: string, { mac, ip, token, counted }: Pick<Client, 'mac' | 'ip' | 'token' | 'counted'>) {
    const { counters, namesItself, name } = this.dialect
    const exchanged = { incoming_bytes: counted.outgoing, outgoing_bytes: counted.incoming }
    const ofV6 = { incoming_bytes_v6: counted.outgoing6, outgoing_bytes_v6: counted.incoming6 }
    const sent = (bytes: number) => (counters === 'ng' ? in32Bits(bytes) : bytes)
    const plain = { incoming: sent(counted.incoming), outgoing: sent(counted.outgoing) }
    const bytes = counters === 'machine' ? { ...exchanged, ...ofV6 } : plain
    const path = name.startsWith('wifidog-ng') ? 'auth' : 'auth/'
    const ids = {
      ...(namesItself ? { gw_id: this.id } : {}),
      ...(counters === 'machine' ? { device_id: this.#deviceId } : {}),
    }
    return codeIn(await this.#get(path, { stage, ip, mac, token, ...bytes, ...ids }))
  }

  /** Names are written as they are, as gateways before 1.3 and forks do. */
  #get(path: string, query: Record<string, string | number>): Promise<string | null> {
    const pairs = Object.entries(query).map(([name, value]) => `${name}=${value}`)
    return this.#call(`GET /wifidog/${path}?${pairs.join('&')} HTTP/1.0\r\n`, '')
  }

  async #post(target: string, body: object): Promise<object | null> {
    const json = JSON.stringify(body)
    const length = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\nConnection: close\r\n`
    const answer = await this.#call(`POST /wifidog/${target} HTTP/1.1\r\n${length}`, json)
    return answer === null ? null : (JSON.parse(answer) as object)
  }

  /** One request on a connection of its own, read to its end. @returns the body; null: the server is not there, or the answer has no end */
  #call(head: string, body: string): Promise<string | null> {
    return new Promise((resolve) => {
      let answer = ''
      const lines = `Host: 127.0.0.1\r\nUser-Agent: ${this.dialect.userAgent}\r\nX-Forwarded-For: ${this.address}\r\n\r\n`
      const socket = connect(this.#port, '127.0.0.1', () => socket.write(head + lines + body))
      socket.on('data', (chunk) => (answer += chunk.toString('utf8')))
      socket.once('error', () => undefined)
      socket.once('close', () => {
        const [, length, rest] = /^HTTP\/1\.1 200 [^]*?Content-Length: (\d+)[^]*?\r\n\r\n([^]*)$/.exec(answer) ?? []
        resolve(rest !== undefined && Buffer.byteLength(rest) === Number(length) ? rest : null)
      })
    })
  }

  async #openChannel(): Promise<void> {
    if (this.#channel !== null && this.#channel.readyState === WebSocket.OPEN) return
    const headers = { 'User-Agent': 'apfree-wifidog', 'X-Forwarded-For': this.address }
    const channel = new WebSocket(`ws://127.0.0.1:${this.#port}/wifidog/ws/wifidogx`, { headers })
    this.#channel = channel
    channel.on('message', (data: RawData) =>
      channel.send(JSON.stringify(this.#obey((data as Buffer).toString('utf8')))),
    )
    const opened = new Promise<boolean>((resolve) => {
      channel.once('open', () => resolve(true))
      channel.once('error', () => resolve(false))
    })
    const gateway = this.machine.map(({ id }) => ({ gw_id: id }))
    if (await opened) channel.send(JSON.stringify({ op: 'connect', device_id: this.#deviceId, gateway, req_id: 1 }))
  }

  #obey(text: string): object {
    const { op, req_id, mac, client_mac, gw_id } = JSON.parse(text) as Record<string, string>
    const at = this.machine.find(({ id, clients }) => clients.has(mac ?? client_mac) && (gw_id ?? id) === id)
    const answer = (type: string, data: object) => ({ req_id, response: '200', data: { type, data } })
    if (at === undefined) return answer(`${op}_error`, { error: 'Client not found' })
    const { ip } = at.clients.get(mac ?? client_mac) as Client
    if (op === 'kickoff') at.clients.delete(client_mac)
    return answer(`${op}_response`, op === 'kickoff' ? { client_ip: ip, client_mac } : { ip, mac, gw_id: at.id })
  }
}

interface Operations {
  readonly gw_id: string
  readonly auth_op: { id: number; auth_code: number }[]
}

/** A counter of wifidog-ng 1.5, which begins anew. */
function in32Bits(bytes: number): number {
  return bytes % 2 ** 32
}

function secondsOf({ since }: Client): number {
  return Math.floor((Date.now() - since) / 1000)
}

function codeIn(answer: string | null): number | null {
  const found = /Auth: (-?\d+)/.exec(answer ?? '')
  return found === null ? null : Number(found[1])
}

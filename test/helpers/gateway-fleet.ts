import { connect } from 'node:net'

/*
 * Gateways that behave as WiFiDog 1.3.0, without its firewall: the requests to the auth server, what they look for in the answers, and whom
 * they then let through. Every call is HTTP/1.0 on a new connection, read to its end.
 */

/** How a gateway treats a client: `known` clients were denied at login, but are still reported. */
type Access = 'allowed' | 'validation' | 'known'

export interface FleetClient {
  readonly mac: string
  readonly ip: string
  token: string
  access: Access
  /** Since its connection began. */
  incoming: number
  outgoing: number
  /** Intervals without traffic. */
  idle: number
}

const IDLE_INTERVALS = 5

export class FleetGateway {
  readonly id: string
  /** Its own, and therefore its clients', as a proxy in front of the instance says. */
  readonly address: string
  readonly clients = new Map<string, FleetClient>()
  /** Without an auth server no client gets online. */
  open = false
  readonly #port: number
  #startedAt = Date.now()

  constructor(id: string, port: number, address = '127.0.0.1') {
    this.id = id
    this.address = address
    this.#port = port
  }

  /** Whether the firewall lets a client through. */
  passes(mac: string): boolean {
    const access = this.clients.get(mac)?.access
    return this.open && (access === 'allowed' || access === 'validation')
  }

  /** A browser comes back with a token. @returns the code in the answer; null: none */
  async login(mac: string, ip: string, token: string): Promise<number | null> {
    const client: FleetClient = { mac, ip, token, access: 'known', incoming: 0, outgoing: 0, idle: 0 }
    this.clients.set(mac, client)
    const code = await this.#auth('login', client, 0, 0)
    if (code === 1) client.access = 'allowed'
    else if (code === 5) client.access = 'validation'
    return code
  }

  /** A client appears without a token: the gateway asks for one (wifidog-ng 2). @returns null: it got none */
  async roam(mac: string, ip: string): Promise<string | null> {
    const answer = await this.#get(`auth/?stage=roam&ip=${ip}&mac=${mac}&gw_id=${this.id}`).catch(() => '')
    const token = /token=(\S+)/.exec(answer)?.[1]
    if (token === undefined) return null
    this.clients.set(mac, { mac, ip, token, access: 'allowed', incoming: 0, outgoing: 0, idle: 0 })
    return token
  }

  async logout(mac: string): Promise<void> {
    const client = this.clients.get(mac)
    if (client === undefined) return
    this.clients.delete(mac)
    await this.#auth('logout', client, client.incoming, client.outgoing)
  }

  /** The gateway's machine restarts: it has forgotten its clients, and reports no logouts. */
  reboot(): void {
    this.clients.clear()
    this.open = false
    this.#startedAt = Date.now()
  }

  traffic(mac: string, incoming: number, outgoing: number): void {
    const client = this.clients.get(mac)
    if (client === undefined || !this.passes(mac)) return
    client.incoming += incoming
    client.outgoing += outgoing
    client.idle = -1
  }

  /** What a gateway does once per interval: it sends a heartbeat, and reports its clients one after the other. */
  async interval(): Promise<void> {
    await this.ping()
    for (const client of [...this.clients.values()]) {
      client.idle++
      if (client.idle >= IDLE_INTERVALS) {
        await this.logout(client.mac)
        continue
      }
      const code = await this.#auth('counters', client, client.incoming, client.outgoing)
      if (code === 0 || code === 6) this.clients.delete(client.mac)
      else if (code === 1) client.access = 'allowed'
    }
  }

  async ping(): Promise<void> {
    // The program starts some time before its first heartbeat: an uptime of 0 would count as missing.
    const uptime = Math.floor((Date.now() - this.#startedAt) / 1000)
    const query = `gw_id=${this.id}&sys_uptime=${uptime + 60}&sys_memfree=2604&sys_load=0.03&wifidog_uptime=${uptime}`
    const answer = await this.#get(`ping/?${query}`).catch(() => '')
    this.open = answer.includes('Pong')
  }

  async #auth(stage: string, client: FleetClient, incoming: number, outgoing: number): Promise<number | null> {
    const { ip, mac, token } = client
    const query = `stage=${stage}&ip=${ip}&mac=${mac}&token=${token}&incoming=${incoming}&outgoing=${outgoing}&gw_id=${this.id}`
    const answer = await this.#get(`auth/?${query}`).catch(() => '')
    const found = /Auth: (-?\d+)/.exec(answer)
    return found === null ? null : Number(found[1])
  }

  #get(target: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1', () =>
        socket.write(
          `GET /wifidog/${target} HTTP/1.0\r\nUser-Agent: WiFiDog 1.3.0\r\nHost: 127.0.0.1\r\nX-Forwarded-For: ${this.address}\r\n\r\n`,
        ),
      )
      let answer = ''
      socket.setEncoding('latin1')
      socket.on('data', (chunk: string) => (answer += chunk))
      socket.once('error', reject)
      socket.once('close', () => resolve(answer))
    })
  }
}

/** A gateway, as its clients know it. */
export type Place = Pick<FleetGateway, 'id' | 'address'>

/** A browser at the portal, sent there by a gateway. */
export interface Visitor {
  readonly port: number
  readonly gateway: Place
  readonly mac: string
  readonly ip: string
}

/** Accepts the terms. @returns the token that the browser is sent back with */
export async function clickThrough(port: number, gateway: Place, mac: string, ip: string): Promise<string> {
  return (await logIn({ port, gateway, mac, ip }, { method: 'click' })).token
}

/** Signs up with an address. @returns the token, and what enters the code that was mailed */
export async function signUp(
  visitor: Visitor,
  email: string,
): Promise<{ token: string; confirm: (code: string) => Promise<void> }> {
  const { token, cookie } = await logIn(visitor, { method: 'signup', email, password: 'correct horse battery' })
  const confirm = async (code: string) => {
    const page = `http://127.0.0.1:${visitor.port}/wifidog/gw_message.php?message=activate`
    const { status } = await submit(page, visitor.gateway, { code }, cookie)
    if (status !== 200) throw new Error(`the code of ${email} is refused: ${status}`)
  }
  return { token, confirm }
}

/** Sends a form of the login page. @returns the token that the browser is sent back with, and its cookies */
export async function logIn(
  { port, gateway, mac, ip }: Visitor,
  fields: Record<string, string>,
): Promise<{ token: string; cookie: string }> {
  const query = new URLSearchParams({
    gw_address: '192.168.77.1',
    gw_port: '2060',
    gw_id: gateway.id,
    ip,
    mac,
    url: 'http://example.org/',
  })
  const sent = await submit(`http://127.0.0.1:${port}/wifidog/login/?${query.toString()}`, gateway, fields)
  const location = sent.headers.get('location') ?? ''
  const token = /^http:\/\/192\.168\.77\.1:2060\/wifidog\/auth\?token=([0-9A-Za-z]+)&gw_id=[^&]+$/.exec(location)?.[1]
  if (token === undefined) throw new Error(`no token: ${sent.status} ${location}`)
  return { token, cookie: cookiesOf(sent) }
}

/** Logs out on the portal's page, with the cookie of the login. */
export async function logOut({ port, gateway }: Visitor, cookie: string): Promise<void> {
  const page = `http://127.0.0.1:${port}/wifidog/portal/?${new URLSearchParams({ gw_id: gateway.id }).toString()}`
  const shown = await fetch(page, { headers: { cookie, 'x-forwarded-for': gateway.address } })
  const html = await shown.text()
  const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1].replaceAll('&amp;', '&') ?? ''
  const form = /name="form" value="([^"]+)"/.exec(html)?.[1] ?? ''
  const headers = { cookie, 'x-forwarded-for': gateway.address }
  const body = new URLSearchParams({ form, logout: '1' })
  const { status } = await fetch(new URL(action, page), { method: 'POST', body, headers })
  if (status !== 200) throw new Error(`the logout is refused: ${status}`)
}

/** Sends the form of a page, from behind a gateway. */
async function submit(
  page: string,
  { address }: Place,
  fields: Record<string, string>,
  cookie = '',
): Promise<Response> {
  const from = { 'x-forwarded-for': address }
  const shown = await fetch(page, { headers: { cookie, ...from } })
  const form = /name="form" value="([^"]+)"/.exec(await shown.text())?.[1] ?? ''
  const headers = { cookie: cookiesOf(shown) || cookie, ...from }
  return fetch(page, { method: 'POST', body: new URLSearchParams({ form, ...fields }), headers, redirect: 'manual' })
}

function cookiesOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
}

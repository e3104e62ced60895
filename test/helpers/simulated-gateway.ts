import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'

/** A call to the auth server and its answer. */
export interface GatewayCall {
  readonly stage: string
  readonly token: string
  /** The code in the answer; null: none, which a gateway treats as an error. */
  readonly code: number | null
}

/**
 * A WiFiDog gateway as a browser and its auth server see it, with one client: it sends browsers to login/, asks about the token that they
 * bring back, and redirects them according to the answer (WiFiDog protocol, "browser redirects").
 */
export class SimulatedGateway {
  readonly gwId: string
  readonly client: { readonly ip: string; readonly mac: string }
  readonly calls: GatewayCall[] = []
  readonly #authServer: { readonly host: string; readonly port: number; readonly path: string }
  readonly #server: Server
  /** WiFiDog's unreleased head adds the token to its redirects to the portal; releases do not. */
  sendsToken = true
  /** Browsers that bring a token get no answer, and the token is not used, as if their window was closed on the way. */
  losesBrowsers = false
  lost = 0
  token = ''
  port = 0

  constructor(gwId: string, authPort: number, client = { ip: '192.168.77.10', mac: 'ae:41:77:80:76:90' }) {
    this.gwId = gwId
    this.client = client
    this.#authServer = { host: '127.0.0.1', port: authPort, path: '/wifidog/' }
    this.#server = createServer((request, response) => {
      this.#handle(request.url as string, response).catch((error: unknown) => {
        response.writeHead(500)
        response.end(String(error))
      })
    })
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.port = (this.#server.address() as { port: number }).port
    return this
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Runs one interval. @returns the code in the answer */
  counters(incoming: number, outgoing: number): Promise<number | null> {
    return this.#ask('counters', this.token, incoming, outgoing)
  }

  async #handle(target: string, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(target, this.url)
    if (pathname !== '/wifidog/auth') {
      const wanted = `http://example.org${target}`
      const { ip, mac } = this.client
      const query = { gw_address: '127.0.0.1', gw_port: this.port, gw_id: this.gwId, ip, mac, url: wanted }
      return this.#redirect(response, `login/?${new URLSearchParams(query as never).toString()}`)
    }
    if (this.losesBrowsers) {
      this.lost++
      response.destroy()
      return
    }
    const token = searchParams.get('token') ?? ''
    if (searchParams.get('logout') !== null) {
      await this.#ask('logout', token, 0, 0)
      return this.#redirect(response, 'gw_message.php?message=logged-out')
    }
    this.token = token
    const shown = this.sendsToken ? `&token=${token}` : ''
    const code = await this.#ask('login', token, 0, 0)
    switch (code) {
      case 1:
        return this.#redirect(response, `portal/?gw_id=${this.gwId}${shown}`)
      case 5:
        return this.#redirect(response, `gw_message.php?message=activate${shown}`)
      case 6:
        return this.#redirect(response, `gw_message.php?message=failed_validation${shown}`)
      case 0:
        return this.#redirect(response, `gw_message.php?message=denied${shown}`)
      case null:
      default:
        response.writeHead(200, { 'Content-Type': 'text/plain' })
        response.end('the auth server did not say')
    }
  }

  #redirect(response: ServerResponse, to: string): void {
    const { host, port, path } = this.#authServer
    response.writeHead(302, { Location: `http://${host}:${port}${path}${to}` })
    response.end()
  }

  /** One HTTP/1.0 request on a connection of its own, read to its end; the code is looked for anywhere in it. */
  #ask(stage: string, token: string, incoming: number, outgoing: number): Promise<number | null> {
    const { ip, mac } = this.client
    const { host, port, path } = this.#authServer
    const query = `stage=${stage}&ip=${ip}&mac=${mac}&token=${token}&incoming=${incoming}&outgoing=${outgoing}&gw_id=${this.gwId}`
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () =>
        socket.write(`GET ${path}auth/?${query} HTTP/1.0\r\nUser-Agent: WiFiDog 1.3.0\r\nHost: ${host}\r\n\r\n`),
      )
      let answer = ''
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
      socket.once('error', reject)
      socket.once('close', () => {
        const found = /Auth: (-?\d+)/.exec(answer)
        const code = found === null ? null : Number(found[1])
        this.calls.push({ stage, token, code })
        resolve(code)
      })
    })
  }
}

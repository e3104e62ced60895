import type { Certificate } from '../../common/certificate.ts'
import { loadUws, type HttpRequest, type HttpResponse, type TemplatedApp, type us_listen_socket } from './uws.ts'

type Handler = (response: HttpResponse, request: HttpRequest) => void

/** Apps whose listening was taken over, and which may still have connections. Those of an older one are closed. */
const MAX_RETIRED = 4

/**
 * An app of uWebSockets that can change its certificate: uWebSockets cannot change that of an app. A second app listens on the same port
 * (SO_REUSEPORT), then the first stops listening. Connections of the first stay open.
 * MEASURED: over 199 changes at 850 new connections a second, six attempts to connect were reset, before anything was sent: they waited in
 * the queue of the first when it closed. Connections in use noticed nothing.
 */
export class RenewableApp {
  readonly #uws = loadUws()
  readonly #certificate: Certificate | null
  readonly #routes: ((app: TemplatedApp) => void)[] = []
  readonly #retired: TemplatedApp[] = []
  #app: TemplatedApp | null = null
  #socket: us_listen_socket | null = null
  #host = ''
  #port = 0

  constructor(certificate: Certificate | null) {
    this.#certificate = certificate
  }

  get(pattern: string, handler: Handler): this {
    return this.#route((app) => app.get(pattern, handler))
  }

  head(pattern: string, handler: Handler): this {
    return this.#route((app) => app.head(pattern, handler))
  }

  any(pattern: string, handler: Handler): this {
    return this.#route((app) => app.any(pattern, handler))
  }

  filter(callback: (response: HttpResponse, count: number) => void): this {
    // Its type says Promise<void> | void of an object; it is called with the change of the number of connections.
    return this.#route((app) => app.filter(callback as unknown as Parameters<TemplatedApp['filter']>[0]))
  }

  #route(add: (app: TemplatedApp) => void): this {
    this.#routes.push(add)
    return this
  }

  /** @returns the port @throws Error: the port is in use, or the address is not this machine's */
  listen(host: string, port: number): number {
    const app = this.#create()
    const socket = this.#listen(app, host, port)
    this.#app = app
    this.#socket = socket
    this.#host = host
    this.#port = this.#uws.us_socket_local_port(socket)
    return this.#port
  }

  /** Uses the present certificate for new connections. @throws Error: it cannot be used, and nothing has changed */
  renew(): void {
    if (this.#app === null || this.#socket === null) return
    const app = this.#create()
    const socket = this.#listen(app, this.#host, this.#port)
    const before = this.#socket
    // Creating an app takes milliseconds, in which connections wait for the first one. They are accepted in the poll phase, which ends just
    // before this.
    setImmediate(() => setImmediate(() => this.#uws.us_listen_socket_close(before)))
    this.#retired.push(this.#app)
    if (this.#retired.length > MAX_RETIRED) this.#retired.shift()?.close()
    this.#app = app
    this.#socket = socket
  }

  stopAccepting(): void {
    if (this.#socket !== null) this.#uws.us_listen_socket_close(this.#socket)
    this.#socket = null
  }

  /** Closes every connection. */
  close(): void {
    this.#socket = null
    for (const app of [...this.#retired, this.#app]) app?.close()
  }

  #create(): TemplatedApp {
    const files = this.#certificate?.files
    const app =
      files === undefined
        ? this.#uws.App()
        : this.#uws.SSLApp({ cert_file_name: files.certFile, key_file_name: files.keyFile })
    for (const add of this.#routes) add(app)
    return app
  }

  /** uWebSockets calls back before listen() returns. */
  #listen(app: TemplatedApp, host: string, port: number): us_listen_socket {
    let found: us_listen_socket | false = false
    app.listen(host, port, (socket) => {
      found = socket
    })
    if (!found)
      throw new Error(`cannot listen on ${host}:${port}: the port is in use or the address is not this machine's`)
    return found
  }
}

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What the proxy does from now on to every connection, open ones included:
 * pass: everything arrives; refuse: new connections are closed at once, open ones now; hang: nothing is
 * forwarded in either direction until the mode changes; drop-answers: requests arrive, answers are discarded; hold:
 * requests are kept, and delivered when the mode changes, though the client may have given up; error: requests do not
 * arrive, and are answered with HTTP status 502.
 */
export type ProxyMode = 'pass' | 'refuse' | 'hang' | 'drop-answers' | 'hold' | 'error'

const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\nConnection: close\r\n\r\nBad Gateway\n'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** A TCP proxy on the loopback address that simulates faults. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  readonly #targetPort: number
  #mode: ProxyMode = 'pass'
  #waiting: (() => void)[] = []
  /** Delay of every chunk, ms, in both directions. */
  latencyMs = 0
  /** Bytes of discarded answers. */
  droppedBytes = 0
  /** Called with every chunk of a request after it was read; a mode that it sets applies to this chunk already. */
  onRequest: ((chunk: Buffer) => void) | null = null

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  }

  /** Listens on `port`, or on a free one. */
  static async start(targetPort: number, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort)
    proxy.#server.listen(port, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get mode(): ProxyMode {
    return this.#mode
  }

  set mode(mode: ProxyMode) {
    this.#mode = mode
    if (mode === 'refuse') this.cut()
    if (mode === 'hang' || mode === 'hold') return
    for (const resume of this.#waiting.splice(0)) resume()
  }

  /** Resets every open connection; the mode applies to new ones. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
  }

  async close(): Promise<void> {
    this.mode = 'refuse'
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined)
    if (this.#mode === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const pair = { client, server }
    this.#pairs.add(pair)
    server.on('error', () => client.destroy())
    server.once('close', () => client.destroy())
    client.once('close', () => this.#pairs.delete(pair))
    const requests = this.#forward(client, server, true, () => {
      if (this.#mode !== 'error') return true
      client.end(BAD_GATEWAY)
      server.destroy()
      return false
    })
    // Held chunks are delivered first.
    client.once('close', () => void requests.finally(() => server.destroy()))
    void this.#forward(server, client, false, (chunk) => {
      if (this.#mode !== 'drop-answers') return true
      this.droppedBytes += chunk.length
      return false
    })
  }

  /** Never rejects. Resolves when all chunks that were read have been delivered or discarded. */
  async #forward(from: Socket, to: Socket, isRequest: boolean, passes: (chunk: Buffer) => boolean): Promise<void> {
    let delivered = Promise.resolve()
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (isRequest) this.onRequest?.(chunk)
        delivered = delivered.then(() => this.#deliver(chunk, to, passes))
        if (this.#mode !== 'hold') await delivered
      }
    } catch {
      // Reset: earlier chunks are still delivered.
    }
    await delivered
    if (this.#mode !== 'drop-answers') to.end()
  }

  async #deliver(chunk: Buffer, to: Socket, passes: (chunk: Buffer) => boolean): Promise<void> {
    while (this.#mode === 'hang' || this.#mode === 'hold') {
      await new Promise<void>((resume) => this.#waiting.push(resume))
    }
    if (this.latencyMs > 0) await sleep(this.latencyMs)
    if (passes(chunk) && !to.destroyed && !to.write(chunk)) await drained(to)
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}

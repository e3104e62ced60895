import { connect, type Socket } from 'node:net'

/**
 * A keep-alive connection that carries one request at a time. node:http takes some 100 us a request, which at 10,000
 * requests/s is more than a core; this knows just enough of HTTP/1.1 for our own short answers.
 */
export class Connection {
  readonly #socket: Socket
  #answer = ''
  #settle: ((kept: boolean) => void) | null = null

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true)
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('close', () => this.#end(false))
  }

  get usable(): boolean {
    return !this.#socket.destroyed
  }

  /** @param settle told once whether the answer says that the record is kept */
  send(request: string, settle: (kept: boolean) => void): void {
    this.#settle = settle
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#answer += chunk.toString('latin1')
    const headEnd = this.#answer.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#answer.slice(0, headEnd)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#answer.length < headEnd + 4 + length) return
    this.#answer = ''
    this.#end(head.includes('X-Gatepost-Record: kept'))
  }

  #end(kept: boolean): void {
    const settle = this.#settle
    this.#settle = null
    settle?.(kept)
  }
}

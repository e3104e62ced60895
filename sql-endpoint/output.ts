import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { frame } from './wire/framing.ts'
import { encoder, type SqlRequest } from './request.ts'
import { SqlError } from './errors.ts'

/** A client that reads nothing for this long while a result is waiting is disconnected, because it blocks a connection to the engine. */
const STALLED_AFTER_MS = 60_000

/** The body of an answer: compressed as requested, and written no faster than the client reads. */
export class Output {
  readonly #res: ServerResponse
  readonly #request: SqlRequest
  readonly #tag = randomBytes(8).toString('hex')
  #sink: Writable | null = null
  bytes = 0
  /** Done before the client can know that the answer is complete. */
  beforeEnd: () => Promise<void> = () => Promise.resolve()

  /** Headers that are only known when the answer begins. */
  headersAtStart: () => Record<string, string[]> = () => ({})

  constructor(res: ServerResponse, request: SqlRequest) {
    this.#res = res
    this.#request = request
  }

  get started(): boolean {
    return this.#sink !== null
  }

  start(headers: Record<string, string>): void {
    const res = this.#res
    for (const [name, value] of Object.entries({ ...headers, ...this.headersAtStart() })) {
      if (value.length > 0) res.setHeader(name, value)
    }
    res.setHeader('X-ClickHouse-Exception-Tag', this.#tag)
    const coding = this.#request.framed ? null : this.#request.coding
    if (coding === null) {
      this.#sink = res
      return
    }
    res.setHeader('Content-Encoding', coding)
    const coder = encoder(coding)
    coder.pipe(res)
    res.once('close', () => coder.destroy())
    this.#sink = coder
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.byteLength === 0) return
    this.bytes += chunk.byteLength
    if (!this.#request.framed) await this.#put(chunk)
    else for (const block of frame(chunk)) await this.#put(block)
  }

  async end(): Promise<void> {
    await this.beforeEnd()
    const sink = this.#sink
    // The client disconnected while the statement ran: the response is closed already, and emits that only once.
    if (sink === null || this.#res.destroyed) return
    const finished = new Promise<void>((resolve) => {
      this.#res.once('close', resolve)
      this.#res.once('finish', resolve)
    })
    sink.end()
    await finished
  }

  /**
   * Reports an error after the answer has begun: sends its text, marked as in ClickHouse, and breaks the connection before the end of the
   * body. A client that knows the mark shows the error; any other sees that the result is incomplete.
   */
  async fail(text: string): Promise<void> {
    const length = Buffer.byteLength(text)
    const marked = `\r\n__exception__\r\n${this.#tag}\r\n${text}${length} ${this.#tag}\r\n__exception__\r\n`
    await this.write(Buffer.from(marked)).catch(() => undefined)
    const sink = this.#sink
    if (sink !== null && sink !== this.#res) {
      const flush = (sink as { flush?: (done: () => void) => void }).flush?.bind(sink)
      if (flush !== undefined && !sink.destroyed) await new Promise<void>((resolve) => flush(resolve))
    }
    // Node.js 26 passes written data to the socket one tick later; ended before that, the socket would never get it.
    await new Promise((resolve) => setImmediate(resolve))
    const socket = this.#res.socket
    // The last bytes must reach the kernel before the connection is destroyed.
    if (socket !== null && !socket.destroyed) await new Promise<void>((resolve) => socket.end(resolve))
    this.#res.destroy()
  }

  #put(bytes: Uint8Array): Promise<void> {
    const sink = this.#sink
    if (sink === null || sink.destroyed || this.#res.destroyed) return Promise.reject(wentAway())
    if (sink.write(bytes)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#res.destroy(), STALLED_AFTER_MS)
      const settle = (): void => {
        clearTimeout(timer)
        sink.off('drain', drained)
        this.#res.off('close', closed)
      }
      const drained = (): void => {
        settle()
        resolve()
      }
      const closed = (): void => {
        settle()
        reject(wentAway())
      }
      sink.once('drain', drained)
      this.#res.once('close', closed)
    })
  }
}

function wentAway(): SqlError {
  return new SqlError('ABORTED', 'The client went away')
}

import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { RECEIVED_AT_HEADER } from '../ingest/listeners/received-at.ts'

export interface Response {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Request {
  readonly path: string
  /** Of the gateway or browser: what a proxy in front of the listener would say. */
  readonly from: string
  /** When it is to have come, ms since the epoch; null: when it comes. */
  readonly at: number | null
  readonly headers?: Readonly<Record<string, string>>
  /** Makes it a POST. */
  readonly body?: string
}

/** One of the instance's listeners, over connections that are kept. */
export class Client {
  readonly #agent: Agent
  readonly #port: number
  readonly #key: string

  constructor(port: number, key: string, connections: number) {
    this.#port = port
    this.#key = key
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** @throws Error: the connection broke */
  send(asked: Request): Promise<Response> {
    const { path, from, at, headers, body } = asked
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: this.#port,
          agent: this.#agent,
          method: body === undefined ? 'GET' : 'POST',
          path,
          headers: {
            'X-Forwarded-For': from,
            ...(at === null ? {} : { [RECEIVED_AT_HEADER]: `${this.#key} ${at}` }),
            ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (piece: string) => (text += piece))
          response.on('end', () =>
            resolve({ status: response.statusCode as number, headers: response.headers, body: text }),
          )
          response.on('error', reject)
        },
      )
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // The listener has closed a connection that was idle, at the moment in which it was used again: it never saw the request.
        if (outgoing.reusedSocket && error.code === 'ECONNRESET') resolve(this.send(asked))
        else reject(error)
      })
      outgoing.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { RECEIVED_AT_HEADER } from '../ingest/listeners/received-at.ts'

export interface Response {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Request {
  readonly path: string
  /** Client address, sent as a trusted proxy would send it. */
  readonly from: string
  /** Receive time to pretend, ms since the epoch; null: the real one. */
  readonly at: number | null
  readonly headers?: Readonly<Record<string, string>>
  /** If set, the request is a POST. */
  readonly body?: string
}

/** Sends requests to one listener over keep-alive connections. */
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
        // The listener closed an idle connection at the moment it was reused: it never saw the request, so send it again.
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

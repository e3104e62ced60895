import { createServer, type Server, type ServerOptions } from 'node:http'
import { ConnectionGate } from '../../common/connection-gate.ts'
import { boundConnections } from '../../common/web-server.ts'
import { messageOf } from '../../common/errors.ts'
import type { ManagedProcess } from './managed-process.ts'
import { diskMetrics, mergeMetrics, supervisorMetrics } from '../metrics.ts'

const DEADLINES: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 2000,
}
/** Prometheus and probes have one or two each. */
const CONNECTIONS = { total: 128, perAddress: 32 }
const FIRST_BYTE_MS = 10_000
const STALLED_MS = 60_000

export interface PrivateServerOptions {
  readonly processes: readonly ManagedProcess[]
  /** See Composition. */
  readonly dataDir: string | null
  readonly ready: () => boolean
  readonly draining: () => boolean
}

/** Serves `/metrics` of all processes in one scrape, `/healthz` (the process is up) and `/readyz` (it can do its work). */
export function privateServer({ processes, dataDir, ready: canWork, draining }: PrivateServerOptions): Server {
  const server = createServer(DEADLINES, (request, response) => {
    const path = (request.url as string).split('?')[0]
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, {
        'Content-Type': type,
        'Content-Length': Buffer.byteLength(body),
        'Cache-Control': 'no-store',
      })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      answer(405, 'text/plain', 'this path allows GET\n')
    } else if (path === '/healthz') answer(200, 'text/plain', 'ok\n')
    else if (path === '/readyz') {
      const ready = !draining() && canWork()
      const states = Object.fromEntries(
        processes.map((process) => [process.name, process.available ? 'ready' : 'not ready']),
      )
      answer(
        ready ? 200 : 503,
        'application/json',
        JSON.stringify({ ready, draining: draining(), processes: states }) + '\n',
      )
    } else if (path === '/metrics') {
      scrape(processes, dataDir).then(
        ({ text, contentType }) => answer(200, contentType, text),
        (error: unknown) => answer(500, 'text/plain', messageOf(error) + '\n'),
      )
    } else answer(404, 'text/plain', 'not found; this port serves /metrics, /healthz and /readyz\n')
  })
  const gate = new ConnectionGate(CONNECTIONS, () => false)
  boundConnections(server, { gate, firstByteMs: FIRST_BYTE_MS, stalledMs: STALLED_MS })
  return server
}

async function scrape(
  processes: readonly ManagedProcess[],
  dataDir: string | null,
): Promise<{ text: string; contentType: string }> {
  const answers = await Promise.all(
    processes.map(async (process) => ({ name: process.name, metrics: (await process.metrics()) ?? [] })),
  )
  const disk = dataDir === null ? [] : await diskMetrics(dataDir)
  return mergeMetrics([...supervisorMetrics(processes), ...disk], answers)
}

import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { createWebServer, renewCertificate } from '../../common/web-server.ts'
import { dashboardApp } from './app.ts'
import type { DashboardOptions } from './options.ts'

export interface RunningDashboard {
  readonly port: number
  /** Accepts no more requests; running ones may finish within a moment. */
  close(): Promise<void>
}

const MAX_SOCKETS = 256
const CLOSING_GRACE_MS = 1000

/**
 * Serves the dashboard and the report API on a port of their own.
 * @throws GatepostError CONFIG_INVALID: the address cannot be bound
 */
export async function startDashboard(options: DashboardOptions): Promise<RunningDashboard> {
  const app = dashboardApp(options)
  const { certificate } = options
  const server = createWebServer(
    certificate,
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000 },
    // The listener answers errors itself.
    (request, response) => void listener(request, response),
  )
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  server.maxConnections = MAX_SOCKETS
  certificate?.whenChanged(() => renewCertificate(server, certificate))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new GatepostError('CONFIG_INVALID', `the dashboard cannot listen: ${messageOf(error)}`, error)),
    )
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      certificate?.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), CLOSING_GRACE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

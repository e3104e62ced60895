import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { ConnectionGate } from '../../common/connection-gate.ts'
import { TrustedProxies } from '../../common/trusted-proxies.ts'
import { boundConnections, createWebServer, renewCertificate } from '../../common/web-server.ts'
import { Access } from './access.ts'
import { AuditLog } from '../../store/audit-log.ts'
import { dashboardApp } from './app.ts'
import type { DashboardOptions } from './options.ts'

export interface RunningDashboard {
  readonly port: number
  /** Requests refused since the start, by reason. */
  readonly refused: Access['refused']
  /** Rows of the audit log that were dropped because the store did not take them. */
  auditLost(): number
  /** Accepts no more requests; running ones may finish within a moment. */
  close(): Promise<void>
}

/** A browser opens six at once; people behind one proxy share an address, unless the proxy is trusted. */
const CONNECTIONS = { total: 256, perAddress: 64 }
const FIRST_BYTE_MS = 10_000
/** Longer than any query of a page takes. */
const STALLED_MS = 120_000
const CLOSING_GRACE_MS = 1000

/**
 * Serves the dashboard and the report API on a port of their own.
 * @throws GatepostError CONFIG_INVALID: the address cannot be bound
 */
export async function startDashboard(options: DashboardOptions): Promise<RunningDashboard> {
  const auditLog = new AuditLog(options.store, options.logger)
  const access = new Access(options.password, options.viewerPassword)
  const app = dashboardApp(options, access, auditLog)
  const { certificate } = options
  const server = createWebServer(
    certificate,
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000, connectionsCheckingInterval: 2000 },
    // The listener answers errors itself.
    (request, response) => void listener(request, response),
  )
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const proxies = new TrustedProxies(options.trustedProxies)
  const gate = new ConnectionGate(CONNECTIONS, (address) => address !== '' && proxies.trusts(address))
  boundConnections(server, { gate, firstByteMs: FIRST_BYTE_MS, stalledMs: STALLED_MS })
  certificate?.whenChanged(() => renewCertificate(server, certificate))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new GatepostError('CONFIG_INVALID', `the dashboard cannot listen: ${messageOf(error)}`, error)),
    )
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    refused: access.refused,
    auditLost: () => auditLog.lost,
    close: async () => {
      certificate?.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), CLOSING_GRACE_MS)
      await closed
      clearTimeout(timer)
      await auditLog.close()
    },
  }
}

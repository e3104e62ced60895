import { createServer, isIPv6, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { isUnspecified } from '../../common/hosts.ts'
import type { Config } from '../config/config.ts'

/** The URL at which this machine reaches a listener: one on all addresses by loopback, because it refuses `Host: 0.0.0.0`. */
export function httpUrl(bind: string, port: number, tls = false): string {
  const host = !isUnspecified(bind) ? bind : isIPv6(bind) ? '::1' : '127.0.0.1'
  return `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** The children of a killed supervisor hold their ports for a moment. */
const WAIT_MS = 5000

/**
 * A usable port: the given one, or a free one for 0, which all workers then share. It is checked before the start, because uWebSockets would
 * silently share a port with another program (SO_REUSEPORT).
 * @throws GatepostError CONFIG_INVALID naming the variable
 */
async function usablePort(variable: string, bindVariable: string, host: string, port: number): Promise<number> {
  const deadline = performance.now() + WAIT_MS
  for (;;) {
    try {
      return await probePort(host, port)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE' && performance.now() < deadline) {
        await sleep(100)
        continue
      }
      if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') {
        throw new GatepostError(
          'CONFIG_INVALID',
          `${bindVariable}=${host}: is not an address of this machine; allowed is an address of this machine, or 0.0.0.0 or :: for all`,
          error,
        )
      }
      throw new GatepostError(
        'CONFIG_INVALID',
        `${variable}=${port}: cannot listen on ${host}:${port}: ${messageOf(error)}`,
        error,
      )
    }
  }
}

/** The port, or for 0 a free one. Rejects with the system's error if it cannot be listened on. */
export function probePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const { port: found } = server.address() as AddressInfo
      server.close(() => resolve(found))
    })
  })
}

/** The listeners of all commands, and the variable with each one's address. */
export const LISTENERS = {
  gatewayPort: { bind: 'bind', variable: 'GATEPOST_GATEWAY_PORT', bindVariable: 'GATEPOST_BIND' },
  ingestPort: { bind: 'bind', variable: 'GATEPOST_INGEST_PORT', bindVariable: 'GATEPOST_BIND' },
  sqlPort: { bind: 'privateBind', variable: 'GATEPOST_SQL_PORT', bindVariable: 'GATEPOST_PRIVATE_BIND' },
  dashboardPort: {
    bind: 'privateBind',
    variable: 'GATEPOST_DASHBOARD_PORT',
    bindVariable: 'GATEPOST_PRIVATE_BIND',
  },
  metricsPort: { bind: 'privateBind', variable: 'GATEPOST_METRICS_PORT', bindVariable: 'GATEPOST_PRIVATE_BIND' },
} as const

/**
 * Checks these ports before anything starts, so that a port in use stops the start.
 * @throws GatepostError CONFIG_INVALID naming the variable
 */
export async function withPorts(config: Config, names: readonly (keyof typeof LISTENERS)[]): Promise<Config> {
  const found: { -readonly [K in keyof typeof LISTENERS]?: number } = {}
  for (const name of names) {
    const { bind, variable, bindVariable } = LISTENERS[name]
    found[name] = await usablePort(variable, bindVariable, config[bind], config[name])
  }
  return { ...config, ...found }
}

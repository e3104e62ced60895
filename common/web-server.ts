import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { Server as PortServer, Socket } from 'node:net'
import type { Certificate } from './certificate.ts'
import type { ConnectionGate } from './connection-gate.ts'
import { plainAddress } from './trusted-proxies.ts'

/** Time limit for a TLS handshake. */
const HANDSHAKE_MS = 10_000
/** A client of HTTP/1.0 may ask for its protocol by name. */
const TLS = { minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS, ALPNProtocols: ['http/1.1', 'http/1.0'] } as const

/** An HTTP server; with a certificate an HTTPS server, which has the same methods and events. */
export function createWebServer(
  certificate: Certificate | null,
  options: ServerOptions,
  listener: RequestListener,
): Server {
  if (certificate === null) return createServer(options, listener)
  return createTlsServer({ ...options, ...TLS, ...certificate.pem }, listener)
}

/** Uses the certificate's present content for new connections. PRECONDITION: the server was created with a certificate. */
export function renewCertificate(server: Server, certificate: Certificate): void {
  ;(server as TlsServer).setSecureContext({ minVersion: TLS.minVersion, ...certificate.pem })
}

export interface ConnectionBounds {
  readonly gate: ConnectionGate
  /** Until when a connection must have sent a request's first byte, ms. Node.js measures the time of a head from that byte. */
  readonly firstByteMs: number
  /** A connection on which nothing moves for so long is closed, also while an answer waits to be read, ms. */
  readonly stalledMs: number
}

/**
 * Closes the connections that the gate does not admit, and those on which nothing moves.
 * @param port what listens, if the server does not itself
 */
export function boundConnections(
  server: Server,
  { gate, firstByteMs, stalledMs }: ConnectionBounds,
  port: PortServer = server,
): void {
  server.timeout = stalledMs
  port.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress)
    if (gate.admit(address)) socket.once('close', () => gate.closed(address))
    else socket.destroy()
  })
  const ready = server instanceof TlsServer ? 'secureConnection' : 'connection'
  server.on(ready, (socket: Socket) => socket.setTimeout(firstByteMs))
  server.on('request', ({ socket }) => {
    if (socket.timeout !== stalledMs) socket.setTimeout(stalledMs)
  })
}

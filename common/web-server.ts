import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Certificate } from './certificate.ts'

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

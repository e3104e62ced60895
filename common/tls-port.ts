import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer, type Server as PortServer, type Socket } from 'node:net'

/*
 * The port of an HTTPS server, where plain HTTP is answered too: with a redirect to HTTPS. apfree-wifidog sends a browser to the port of TLS with the
 * scheme that the browser happened to use.
 */

/** The first byte of a TLS connection: a handshake record (RFC 8446, 5.1). No request of HTTP begins with it. */
const HANDSHAKE = 22
/** A request that is only redirected is short. */
const PLAIN_MAX_BYTES = 16 * 1024

/** A host with or without a port (RFC 9110, 7.2). */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i

export interface TlsPortOptions {
  /** Until when a connection must have sent its first byte, and the head of a plain request, ms. */
  readonly firstByteMs: number
  /** Called for each request in plain HTTP. */
  readonly plainRequest: () => void
}

export interface TlsPort {
  /** Listens in place of the HTTPS server. */
  readonly server: PortServer
  /** Ends connections that the HTTPS server does not have. */
  closeConnections(): void
}

/** @param tls takes connections, and does not listen */
export function tlsPort(tls: Server, { firstByteMs, plainRequest }: TlsPortOptions): TlsPort {
  const waiting = new Set<Socket>()
  const options = { headersTimeout: firstByteMs, requestTimeout: firstByteMs, maxHeaderSize: PLAIN_MAX_BYTES }
  const plain = createHttpServer(options, (request, response) => {
    plainRequest()
    redirect(request, response)
  })
  plain.timeout = firstByteMs
  const server = createServer((socket) => {
    waiting.add(socket)
    const drop = () => socket.destroy()
    socket.setTimeout(firstByteMs, drop)
    socket.once('error', drop)
    socket.once('close', () => waiting.delete(socket))
    socket.once('data', (first) => {
      waiting.delete(socket)
      socket.setTimeout(0).off('timeout', drop).off('error', drop)
      socket.pause()
      socket.unshift(first)
      const isTls = (first as Buffer)[0] === HANDSHAKE
      ;(isTls ? tls : plain).emit('connection', socket)
      // TLS takes what was read, and the connection, itself.
      if (!isTls) process.nextTick(() => socket.resume())
    })
  })
  const closeConnections = () => {
    for (const socket of waiting) socket.destroy()
    plain.closeAllConnections()
  }
  return { server, closeConnections }
}

function redirect({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const host = headers.host ?? ''
  response.setHeader('Connection', 'close')
  response.setHeader('Cache-Control', 'no-store')
  if ((method === 'GET' || method === 'HEAD') && HOST.test(host) && url.startsWith('/')) {
    // Gateways search a whole answer for the word "Pong", its headers too.
    response.writeHead(307, { Location: `https://${host}${url.replaceAll('Pong', '%50ong')}` })
    response.end()
    return
  }
  response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end('This port speaks HTTPS.\n')
}

import { createServer, type AddressInfo } from 'node:net'
import { loadUws } from '../ingest/listeners/uws.ts'
import { announcePort } from './child.ts'

/*
 * What we compare ourselves with, in a process of its own:
 *
 *   uws   uWebSockets that does nothing: "Pong" for any GET, 204 once the whole body of a POST is there
 *   net   a node:net server that answers "Pong" to any HTTP/1.0 request and closes
 */

const PONG_AND_CLOSE = 'HTTP/1.0 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nPong'

function serveUws(): void {
  const uws = loadUws()
  uws
    .App()
    .get('/*', (response) => {
      response.end('Pong')
    })
    .post('/*', (response) => {
      response.onAborted(() => {})
      response.onData((_chunk, isLast) => {
        if (isLast)
          response.cork(() => {
            response.writeStatus('204 No Content').endWithoutBody()
          })
      })
    })
    .listen('127.0.0.1', 0, (socket) => {
      if (socket) announcePort(uws.us_socket_local_port(socket))
    })
}

function serveNet(): void {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    // A gateway's request comes in one segment.
    socket.once('data', () => socket.end(PONG_AND_CLOSE))
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
    announcePort((server.address() as AddressInfo).port)
  })
}

if (process.argv[2] === 'net') serveNet()
else serveUws()

import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { makeBatch, repeated } from '../../../schemas/test/records.ts'
import { parseAddress } from '../address.ts'
import { ServerClient } from '../client.ts'
import { HttpInserter } from '../inserter.ts'

/*
 * A server may refuse an insert before it has read the body, and close the connection. The error of the interrupted write must not hide
 * the server's answer.
 */

const TEXT = 'Code: 252. DB::Exception: Too many parts (3000). (TOO_MANY_PARTS) (version 26.7.2.1)\n'
const ANSWER = `HTTP/1.1 500 Error\r\nX-ClickHouse-Exception-Code: 252\r\nConnection: close\r\nContent-Length: ${TEXT.length}\r\n\r\n${TEXT}`

/** Larger than the buffers of a socket. */
const batches = Array.from({ length: 200 }, () => makeBatch('post_auth', Date.now() - 60_000, repeated(1000)))

/** The insert's error from a server that does this as soon as it has the request's head. */
async function errorOf(answer: (socket: Socket) => void, compress: boolean): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.pause()
      answer(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = new ServerClient(parseAddress(`http://u:p@127.0.0.1:${port}`), compress)
  try {
    await new HttpInserter(client, 'owner').insert(
      batches[0].schema,
      batches,
      (source) => `INSERT INTO t SELECT * FROM ${source}`,
    )
    return null
  } catch (error) {
    return error
  } finally {
    await client.close()
    server.close()
  }
}

for (const compress of [false, true]) {
  t.test(compress ? 'compressed' : 'not compressed', async (t) => {
    const refused = { code: '252', message: /Too many parts/ }
    t.match(await errorOf((socket) => socket.write(ANSWER), compress), refused, 'the rest of the body is never read')
    const reset = (socket: Socket): unknown => socket.write(ANSWER, () => socket.destroy())
    t.match(await errorOf(reset, compress), refused, 'the connection is reset after the answer')
    t.match(
      await errorOf((socket) => socket.resetAndDestroy(), compress),
      { code: 'STORE_UNAVAILABLE', message: /outcome is not known: .*(ECONNRESET|EPIPE)/ },
      'no answer',
    )
  })
}

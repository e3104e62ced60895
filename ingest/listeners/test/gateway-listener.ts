import { connect } from 'node:net'
import type { Test } from 'tap'
import type { Certificate } from '../../../common/certificate.ts'
import { TrustedProxies } from '../../../common/trusted-proxies.ts'
import { MemoryLog } from '../../../test/helpers/memory-log.ts'
import { openApp } from '../../../test/helpers/open-app.ts'
import { until } from '../../../test/helpers/until.ts'
import { workerBounds } from '../bounds.ts'
import { GatewayListener } from '../gateway.ts'
import { DEFAULT_LIMITS } from '../limits.ts'

/** A gateway listener with its log in memory. */
export async function open(
  t: Test,
  proxies: string[] = [],
  maxBodyBytes = DEFAULT_LIMITS.maxBodyBytes,
  certificate: Certificate | null = null,
) {
  const trusted = new TrustedProxies(proxies)
  const bounds = workerBounds(trusted, { ...DEFAULT_LIMITS, maxBodyBytes }).gateway
  const log = new MemoryLog()
  const app = openApp(log)
  const listener = new GatewayListener(app, trusted, null, certificate, bounds)
  await listener.listen('127.0.0.1', 0)
  t.teardown(() => {
    listener.stopAccepting()
    listener.close()
  })
  const rows = async (stream: 'gateway_pings' | 'gateway_auth') => {
    await app.records.flush()
    return log.decoded(stream).map(({ record }) => record)
  }
  return { port: listener.port, bounds, rows }
}

/** What is answered until the server closes the connection. `text`: one byte for each character. */
export async function answered(t: Test, port: number, ...packets: string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  let ended = false
  socket.on('data', (chunk) => (received += chunk.toString('latin1')))
  socket.on('end', () => {
    ended = true
    socket.end()
  })
  socket.on('error', () => (ended = true))
  t.teardown(() => socket.destroy())
  for (const packet of packets) socket.write(Buffer.from(packet, 'latin1'))
  t.ok(await until(() => ended, 5), 'the server closes the connection')
  return received
}

/** As one character for each byte. */
export const utf8 = (text: string) => Buffer.from(text).toString('latin1')
export const NUMBERS = 'sys_uptime=1&sys_memfree=2&sys_load=0.25&wifidog_uptime=4'

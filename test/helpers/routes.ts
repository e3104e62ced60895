import { connect } from 'node:net'
import type { Instance } from './instance.ts'

/** The rows of one round of requestEveryRoute(), by table. */
export const ROUND: Readonly<Record<string, number>> = {
  post_auth: 1,
  radius_accounting: 1,
  gateway_pings: 2,
  gateway_auth: 1,
  dead_letters: 1,
}

/** The rows of one round in all tables. */
export const PER_ROUND = Object.values(ROUND).reduce((sum, rows) => sum + rows, 0)

/**
 * Sends one request on every route, as gateways and RADIUS servers do, each with `id`: a ping on both listeners, counters, a login,
 * an accounting packet, and a login that cannot be stored. @returns the unexpected answers; empty: all are as expected
 */
export async function requestEveryRoute(instance: Instance, id: string): Promise<string[]> {
  const wrong: string[] = []
  const check = async (name: string, response: Response, status: number, body: RegExp, record: string | null) => {
    const text = await response.text()
    const kept = response.headers.get('x-gatepost-record')
    if (response.status !== status || !body.test(text) || kept !== record)
      wrong.push(`${name}: ${response.status} ${text} (${kept})`)
  }
  const ping = `/ping/?gw_id=${id}&sys_uptime=1&sys_memfree=2&sys_load=0.03&wifidog_uptime=4`
  const counters = `/auth/?stage=counters&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t${id}&incoming=1&outgoing=2&gw_id=${id}`
  const login = { username: id, authentication_result: 'Access-Accept', site_ip_address: '127.0.0.1', task_id: id }
  const post = (body: string) => fetch(instance.url('/logging/post-auth'), { method: 'POST', body })
  await check('ping', await fetch(instance.url(ping)), 200, /^Pong$/, 'kept')
  await check('counters', await fetch(instance.url(counters)), 200, /^Auth: 1$/, 'kept')
  await check('post-auth', await post(JSON.stringify(login)), 204, /^$/, 'kept')
  await check('post-auth without a result', await post(`{"username":"${id}"}`), 400, /authentication_result/, 'kept')
  const packet = {
    acct_status_type: 'Interim-Update',
    acct_session_id: '5F3A-1',
    acct_session_time: 60,
    acct_output_octets: 1,
    username: id,
    nas_identifier: 'nas-of-the-test',
  }
  const account = { method: 'POST', body: JSON.stringify(packet) }
  await check('accounting', await fetch(instance.url('/logging/accounting'), account), 204, /^$/, 'kept')
  await check('healthcheck', await fetch(instance.url('/healthcheck')), 200, /^Healthy$/, null)
  const pong = await http10(instance.gatewayPort, `/wifidog${ping}`)
  if (!/X-Gatepost-Record: kept[^]*Pong$/i.test(pong)) wrong.push(`ping over HTTP/1.0: ${pong}`)
  return wrong
}

/** The answer of the gateway listener, read as a gateway does: until the connection is closed. */
function http10(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`))
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
  })
}

import { request } from 'node:http'
import { newVoucherCode } from '../../access/voucher-code.ts'

/*
 * A process of its own that attacks an instance for some seconds, from many addresses of this machine, and prints what it was answered: a map
 * of attack and status to count. Its argument is a Flood as JSON.
 */

export interface Flood {
  readonly gatewayPort: number
  readonly ingestPort: number
  readonly sqlPort: number
  readonly dashboardPort: number
  readonly seconds: number
  /** The account whose password is guessed. */
  readonly account: string
}

const PORTAL_LOOPS = 24
const OTHER_LOOPS = 4
const ADDRESSES = 40

interface Asked {
  readonly port: number
  readonly path: string
  /** Index of the address it comes from. */
  readonly from: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

interface Answered {
  /** The code of the error, if there was no answer. */
  readonly status: number | string
  readonly cookie: string
  readonly text: string
}

const { gatewayPort, ingestPort, sqlPort, dashboardPort, seconds, account } = JSON.parse(process.argv[2]) as Flood
const ends = performance.now() + seconds * 1000
const counts: Record<string, number> = {}

function ask({ port, path, from, headers = {}, body }: Asked): Promise<Answered> {
  return new Promise((resolve) => {
    const nothing = ({ code = 'unknown' }: NodeJS.ErrnoException) => resolve({ status: code, cookie: '', text: '' })
    const sent = request(
      {
        port,
        path,
        host: '127.0.0.1',
        localAddress: `127.0.1.${2 + (from % ADDRESSES)}`,
        method: body === undefined ? 'GET' : 'POST',
        headers,
        agent: false,
      },
      (response) => {
        const parts: Buffer[] = []
        const [cookie = ''] = response.headers['set-cookie'] ?? []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', nothing)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            cookie: cookie.split(';')[0],
            text: Buffer.concat(parts).toString(),
          }),
        )
      },
    )
    sent.on('error', nothing)
    sent.end(body)
  })
}

let made = 0

/** A form of the portal, from a client with a MAC that nobody has had yet. */
async function submit(fields: Record<string, string>, page = ''): Promise<number | string> {
  const index = made++
  const mac = `02:00:${(0x1_0000_0000 + index)
    .toString(16)
    .slice(1)
    .replace(/..(?!$)/g, '$&:')}`
  const path = `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=g${index}&mac=${mac}${page}`
  const { cookie, text } = await ask({ port: gatewayPort, path, from: index })
  const form = /name="form" value="([^"]*)"/.exec(text)?.[1] ?? ''
  const headers = { Cookie: cookie, 'Content-Type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams({ form, ...fields }).toString()
  return (await ask({ port: gatewayPort, path, from: index, headers, body })).status
}

const stranger = () => `stranger${made}@example.org`
const bulk = JSON.stringify({
  gw_id: 'flood',
  clients: Array.from({ length: 2000 }, (_, id) => ({ id, mac: '00:11:22:33:44:55', token: `t${id}` })),
})

const ATTACKS: Record<string, { readonly loops: number; readonly run: () => Promise<number | string> }> = {
  guess: {
    loops: PORTAL_LOOPS,
    run: () => submit({ method: 'account', email: account, password: `guess ${made} of many` }),
  },
  stranger: {
    loops: PORTAL_LOOPS,
    run: () => submit({ method: 'account', email: stranger(), password: 'some password' }),
  },
  signup: {
    loops: PORTAL_LOOPS,
    run: () => submit({ method: 'signup', email: stranger(), password: 'some password' }, '&page=signup'),
  },
  voucher: { loops: OTHER_LOOPS, run: () => submit({ method: 'voucher', code: newVoucherCode() }) },
  sql: {
    loops: OTHER_LOOPS,
    run: async () => {
      const headers = { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': `guess ${made++}` }
      return (await ask({ port: sqlPort, path: '/', from: made, headers, body: 'SELECT 1' })).status
    },
  },
  bearer: {
    loops: OTHER_LOOPS,
    run: async () => {
      const headers = { Authorization: `Bearer guess${made++}` }
      return (await ask({ port: dashboardPort, path: '/api/overview', from: made, headers })).status
    },
  },
  bodies: {
    loops: 1,
    run: async () =>
      (await ask({ port: ingestPort, path: '/auth/?stage=counters_v2', from: made++, body: bulk })).status,
  },
}

async function loop(name: string, run: () => Promise<number | string>): Promise<void> {
  while (performance.now() < ends) {
    const key = `${name} ${await run()}`
    counts[key] = (counts[key] ?? 0) + 1
  }
}

await Promise.all(
  Object.entries(ATTACKS).flatMap(([name, { loops, run }]) => Array.from({ length: loops }, () => loop(name, run))),
)
process.stdout.write(JSON.stringify(counts))

import t from 'tap'
import fc from 'fast-check'
import { findLogins, type Login, type LoginSearch } from '../logins.ts'
import { insertRows } from '../../../store/table-store.ts'
import { openEngine } from '../../test/engine.ts'

/* The search of the support desk, in the real engine, compared with a plain filter. */
const store = await openEngine(t.testdir())
t.teardown(() => store.close())

type Row = Pick<
  Login,
  | 'received_at'
  | 'username'
  | 'ssl_username'
  | 'mac'
  | 'ap'
  | 'building_identifier'
  | 'site_ip'
  | 'success'
  | 'authentication_result'
  | 'authentication_reply'
  | 'cert_serial'
  | 'ssid'
  | 'nas_identifier'
  | 'realm'
>

const until = new Date('2024-03-31T00:00:00Z')
const since = new Date('2024-03-01T00:00:00Z')
const search = (more: Partial<LoginSearch>): LoginSearch => ({ failed: false, since, until, limit: 50, ...more })

const USERS = ['alice1', 'BOB002', '']
const MACS = ['50-A6-7F-84-9C-D1', '50-A6-7F-84-9C-D2', '']
const REPLIES = ['', 'Wrong password', 'Certificate expired']

const row = fc.record({
  minute: fc.integer({ min: 0, max: 30 * 24 * 60 - 1 }),
  user: fc.constantFrom(...USERS),
  mac: fc.constantFrom(...MACS),
  site: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'),
  building: fc.constantFrom('', 'Town hall'),
  success: fc.constantFrom(0, 1),
  reply: fc.constantFrom(...REPLIES),
})

function stored({
  minute,
  user,
  mac,
  site,
  building,
  success,
  reply,
}: typeof row extends fc.Arbitrary<infer T> ? T : never): Row {
  return {
    received_at: new Date(since.getTime() + minute * 60_000).toISOString().replace('T', ' ').slice(0, 23),
    username: user,
    ssl_username: user === '' ? 'host/laptop.example' : '',
    mac,
    ap: building === '' ? 'C4-13-E2-22-DC-55' : '',
    building_identifier: building,
    site_ip: site,
    success,
    authentication_result: success === 1 ? 'Access-Accept' : 'Access-Reject',
    authentication_reply: reply,
    cert_serial: user === '' ? '0a1b' : '',
    ssid: building === '' ? 'guests' : '',
    nas_identifier: `nas of ${site}`,
    realm: 'example.org',
  }
}

const rows = fc.sample(row, { numRuns: 3000, seed: 7 }).map(stored)
await insertRows(store, `gatepost.post_auth (${Object.keys(rows[0]).join(', ')})`, rows)

const CASES: [Partial<LoginSearch>, (row: Row) => boolean][] = [
  [{}, () => true],
  [{ user: 'ALICE1' }, ({ username }) => username === 'alice1'],
  [{ user: 'host/laptop.example' }, ({ ssl_username }) => ssl_username === 'host/laptop.example'],
  [{ cert: '0a1b' }, ({ cert_serial }) => cert_serial === '0a1b'],
  [{ mac: MACS[1] }, ({ mac }) => mac === MACS[1]],
  [{ site: '192.0.2.2' }, ({ site_ip }) => site_ip === '192.0.2.2'],
  [{ site: '2001:DB8:0::1' }, ({ site_ip }) => site_ip === '2001:db8::1'],
  [{ ap: 'C4-13-E2-22-DC-55' }, ({ ap }) => ap !== ''],
  [{ building: 'Town hall' }, ({ building_identifier }) => building_identifier === 'Town hall'],
  [{ user: 'nobody' }, () => false],
]

t.test('a login says its network, its NAS and its realm', async (t) => {
  const { logins } = await findLogins(store, search({ ap: 'C4-13-E2-22-DC-55', limit: 1 }))
  t.match(logins, [{ ssid: 'guests', nas_identifier: /^nas of /, realm: 'example.org', nas_ip: '', nas_port_id: '' }])
})

for (const [wanted, matches] of CASES) {
  t.test(`search for ${JSON.stringify(wanted)}`, async (t) => {
    for (const failed of [false, true]) {
      for (const limit of [3, 100_000]) {
        const { logins } = await findLogins(store, search({ ...wanted, failed, limit }))
        const expected = rows
          .filter((each) => matches(each) && (!failed || each.success === 0))
          .map(({ received_at }) => received_at)
          .sort()
          .reverse()
          .slice(0, limit)
        t.same(
          logins.map(({ received_at }) => received_at),
          expected,
        )
      }
    }
    for (const limit of [3, 100_000]) await reasonsOf(limit)

    async function reasonsOf(limit: number): Promise<void> {
      const { reasons, reasons_since: since } = await findLogins(store, search({ ...wanted, limit }))
      const counts = new Map<string, number>()
      for (const each of rows.filter((one) => matches(one) && one.success === 0 && one.received_at >= since)) {
        counts.set(each.authentication_reply, (counts.get(each.authentication_reply) ?? 0) + 1)
      }
      t.same(new Map(reasons.map(({ authentication_reply, logins }) => [authentication_reply, logins])), counts)
      const all = rows.filter((one) => matches(one) && one.success === 0).length
      const counted = [...counts.values()].reduce((sum, each) => sum + each, 0)
      t.ok(counted === all || counted >= 1000, 'all of them, or enough')
    }
  })
}

t.test('only logins since the given time', async (t) => {
  const { logins } = await findLogins(store, search({ since: new Date('2024-03-30T22:00:00Z'), limit: 1000 }))
  t.ok(logins.length > 0)
  t.ok(logins.every(({ received_at }) => received_at >= '2024-03-30 22:00'))
})

t.test("a user's account and devices", async (t) => {
  await insertRows(store, 'gatepost.accounts (username, created_at, last_login)', [
    { username: 'alice1', created_at: '2024-01-01 00:00:00.000', last_login: '2024-03-30 10:00:00.000' },
  ])
  const own = rows.filter(({ username }) => username === 'alice1')
  const latest = own.filter(({ success }) => success === 1).map(({ received_at }) => received_at)
  const { account, devices } = await findLogins(store, search({ user: 'Alice1' }))
  t.match(account, { username: 'alice1', last_login: latest.sort().at(-1) })
  t.same(
    new Set(devices.map(({ mac, successes, failures }) => `${mac} ${successes} ${failures}`)),
    new Set(
      MACS.slice(0, 2).map((mac) => {
        const of = (success: number) => own.filter((each) => each.mac === mac && each.success === success).length
        return `${mac} ${of(1)} ${of(0)}`
      }),
    ),
  )
  t.same((await findLogins(store, search({ user: 'nobody' }))).account, null)
  t.same((await findLogins(store, search({ site: '192.0.2.1' }))).devices, [])
})

import t from 'tap'
import { insertRows } from '../../../store/table-store.ts'
import { random } from '../../../test/helpers/random.ts'
import { openEngine } from '../../test/engine.ts'
import { keyOf, loginsThatOpened, sessionKeyOf, sessionsOpenedBy } from '../login-sessions.ts'
import { findLogins } from '../logins.ts'

/* Logins and the sessions that they opened, in the real engine, compared with a slow plain model. */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())
await insertRows(store, 'gatepost.settings (name, value)', [{ name: 'user_names', value: 'lowercase' }])

const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)
const NOW = Math.floor(Date.now() / 1000) * 1000
const MINUTE = 60_000
const text = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, 23)

interface Login {
  readonly at: number
  readonly user: string
  readonly certificate: string
  readonly mac: string
  readonly nas: string
  readonly success: number
}

interface Session {
  readonly id: string
  readonly at: number
  readonly user: string
  readonly mac: string
  readonly nas: string
}

const loginRow = ({ at, user, certificate, mac, nas, success }: Login) => ({
  received_at: text(at),
  username: user,
  ssl_username: certificate,
  mac,
  nas_identifier: nas.startsWith('192.') ? '' : nas,
  nas_ip: '192.0.2.7',
  site_ip: '198.51.100.1',
  success,
  authentication_result: success === 1 ? 'Access-Accept' : 'Access-Reject',
})

const packetRow = ({ id, at, user, mac, nas }: Session) => ({
  received_at: text(at),
  event_at: text(at),
  nas,
  unique_id: id,
  username: user,
  mac,
  status_type: 'Start',
})

async function insertAll(logins: readonly Login[], sessions: readonly Session[]): Promise<void> {
  const [login, packet] = [logins.map(loginRow), sessions.map(packetRow)]
  await insertRows(store, `gatepost.post_auth (${Object.keys(login[0]).join(', ')})`, login)
  await insertRows(store, `gatepost.radius_accounting (${Object.keys(packet[0]).join(', ')})`, packet)
}

/** The rule, login by login. */
function plainLogin(session: Session, logins: readonly Login[]): Login | null {
  if (session.mac === '') return null
  const isAnonymous = /^(anonymous)?(@.*)?$/.test(session.user)
  const fitting = logins.filter(
    ({ at, user, certificate, mac, nas, success }) =>
      success === 1 &&
      mac === session.mac &&
      nas === session.nas &&
      (isAnonymous || (user === '' ? certificate.toLowerCase() : user) === session.user) &&
      at >= session.at - 10 * MINUTE &&
      at <= session.at + MINUTE,
  )
  return fitting.sort((one, other) => other.at - one.at)[0] ?? null
}

t.test('the latest login of the device, the NAS and the user in the window, as the plain model finds it', async (t) => {
  t.comment(`GATEPOST_TEST_SEED=${SEED}`)
  const next = random(SEED)
  const of = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
  const from = NOW - 600 * MINUTE
  // Each login at a time of its own, so that the latest is one.
  const logins = Array.from({ length: 1500 }, (_, index): Login => {
    const user = of(['alice', 'bob@example.org', ''])
    return {
      at: from + index * 20_000 + Math.floor(next() * 19_000),
      user,
      certificate: user === '' ? 'host/Device-7' : '',
      mac: of(['m-1', 'm-2', 'm-3', '']),
      nas: of(['lobby', 'floor', '192.0.2.7']),
      success: of([0, 1, 1]),
    }
  })
  const sessions = Array.from({ length: 800 }, (_, index): Session => ({
    id: `s-${index}`,
    at: from + Math.floor(next() * 520) * MINUTE + Math.floor(next() * 60) * 1000,
    user: of(['alice', 'bob@example.org', 'host/device-7', 'anonymous@example.org', '@example.org', '', 'somebody']),
    mac: of(['m-1', 'm-2', 'm-3', '']),
    nas: of(['lobby', 'floor', '192.0.2.7']),
  })) // prettier-ignore
  await insertAll(logins, sessions)
  const expected = new Map<string, string>()
  let opened = 0
  for (const session of [...sessions].sort((one, other) => other.at - one.at || (one.id < other.id ? 1 : -1))) {
    const login = plainLogin(session, logins)
    if (login === null) continue
    opened++
    expected.set(keyOf(loginRow(login)), session.id)
  }
  t.ok(opened > 200, `${opened} sessions have a login`)
  const rows = logins.map((login) => ({ ...loginRow(login), success: login.success }))
  const found = await sessionsOpenedBy(store, rows)
  t.same(Object.fromEntries([...found].map(([key, { session_id }]) => [key, session_id])), Object.fromEntries(expected))
  const keys = sessions.map(({ id, nas, mac, at }) => ({ session_id: id, gw_id: nas, mac, first_seen: text(at) }))
  const logged = await loginsThatOpened(store, keys)
  sessions.forEach((session, index) => {
    const [login, plain] = [logged.get(sessionKeyOf(keys[index])), plainLogin(session, logins)]
    t.equal(login && keyOf(login), plain === null ? undefined : keyOf(loginRow(plain)), session.id)
  })
})

t.test('a search of logins tells what became of each', async (t) => {
  const mac = '50-A6-7F-84-9C-D1'
  const at = NOW - 30 * MINUTE
  const login = { user: 'carol', certificate: '', mac, nas: 'annex', success: 1 }
  await insertAll(
    [
      { ...login, at },
      { ...login, at: at - MINUTE },
      { ...login, at: at - 2 * MINUTE, success: 0 },
    ],
    [{ id: 'of-carol', at: at + 3000, user: 'carol', mac, nas: 'annex' }],
  )
  const stop = {
    ...packetRow({ id: 'of-carol', at: at + 20 * MINUTE, user: 'carol', mac, nas: 'annex' }),
    status_type: 'Stop',
    session_time: 1200,
    output_octets: 90,
    input_octets: 9,
    terminate_cause: 'Idle-Timeout',
  }
  await insertRows(store, `gatepost.radius_accounting (${Object.keys(stop).join(', ')})`, [stop])
  const { logins } = await findLogins(store, {
    user: 'Carol',
    failed: false,
    since: new Date(NOW - 60 * MINUTE),
    until: new Date(NOW),
    limit: 10,
  })
  t.same(
    logins.map(({ session }) => session),
    [
      {
        session_id: 'of-carol',
        gw_id: 'annex',
        state: 'stopped',
        first_seen: text(at + 3000),
        ended: text(at + 20 * MINUTE),
        end_reason: 'Idle-Timeout',
        incoming: 90,
        outgoing: 9,
      },
      null,
      null,
    ],
    'the latest login before it, and no other',
  )
})

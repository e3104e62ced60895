import t from 'tap'
import { sessionTimeline } from '../session-timeline.ts'
import { listSessions, type SessionSearch } from '../sessions.ts'
import { insertRows } from '../../../store/table-store.ts'
import { openEngine } from '../../test/engine.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const MAC = '50-A6-7F-84-9C-D1'
const at = (minutesAgo: number) =>
  new Date(Date.now() - minutesAgo * 60_000).toISOString().replace('T', ' ').slice(0, 23)

await insertRows(
  store,
  'gatepost.portal_sessions (received_at, issued, session_id, gw_id, mac, account, method, use_by, ends)',
  [
    ['issued', 'A', MAC, 'alice', at(2), at(-8)],
    ['late', 'A', '', 'bob', at(60), at(50)],
    ['online', 'B', '', 'alice', at(30), at(20)],
  ].map(([session_id, gw_id, mac, account, issued, use_by]) => ({
    received_at: issued,
    issued,
    session_id,
    gw_id,
    mac,
    account,
    method: 'account',
    use_by,
    ends: at(-600),
  })),
)
await insertRows(
  store,
  'gatepost.session_hours (gw_id, session_id, hour, mac, first_seen, last_seen, last_ok, incoming, outgoing, reports)',
  [
    {
      gw_id: 'B',
      session_id: 'online',
      hour: at(90).slice(0, 13) + ':00:00',
      mac: MAC,
      first_seen: at(90),
      last_seen: at(70),
      last_ok: at(70),
      incoming: 5,
      outgoing: 1,
      reports: 2,
    },
    {
      gw_id: 'B',
      session_id: 'online',
      hour: at(1).slice(0, 13) + ':00:00',
      mac: MAC,
      first_seen: at(29),
      last_seen: at(1),
      last_ok: at(1),
      incoming: 6,
      outgoing: 2,
      reports: 3,
    },
  ],
)

const ids = async (search: Partial<SessionSearch>) =>
  (await listSessions(store, { active: false, limit: 100, ...search })).map(({ session_id }) => session_id)

t.test('sessions, the last seen first', async (t) => {
  t.same(await ids({}), ['online', 'issued', 'late'])
  t.same(await ids({ limit: 1 }), ['online'])
  t.same(await ids({ active: true }), ['online', 'issued'])
  t.same(await ids({ gateway: 'A' }), ['issued', 'late'])
  t.same(await ids({ mac: MAC }), ['online', 'issued'], 'as reported, or as entered at the portal')
  t.same(await ids({ account: 'alice' }), ['online', 'issued'])
  t.same(await ids({ account: 'alice', gateway: 'A', active: true }), ['issued'])
  t.same(await ids({ account: 'nobody' }), [])
})

t.test('the details of a session', async (t) => {
  const [online, issued, late] = await listSessions(store, { active: false, limit: 3 })
  t.match(online, {
    state: 'active',
    account: 'alice',
    mac: MAC,
    gw_id: 'B',
    method: 'account',
    incoming: 11,
    outgoing: 3,
    reports: 5,
  })
  t.match(online, { ended: null, end_reason: null, first_seen: /^20/, last_seen: /^20/, issued: /^20/ })
  t.match(issued, { state: 'issued', mac: MAC, first_seen: null, last_seen: null, incoming: 0, reports: 0 })
  t.match(late, { state: 'expired', end_reason: 'expired', ended: /^20/ })
})

t.test('sessions of RADIUS are there too, with the login that opened them', async (t) => {
  const packet = (minutesAgo: number, change: object) => ({
    received_at: at(minutesAgo),
    event_at: at(minutesAgo),
    nas: 'lobby',
    unique_id: 'r-1',
    username: 'carol@example.org',
    mac: '02-00-00-00-00-09',
    framed_ip: '10.0.0.9',
    status_type: 'Start',
    session_time: null,
    output_octets: null,
    input_octets: null,
    terminate_cause: '',
    ...change,
  })
  const packets = [
    packet(30, {}),
    packet(20, { status_type: 'Interim-Update', session_time: 600, output_octets: 70, input_octets: 7 }),
    packet(10, {
      status_type: 'Stop',
      session_time: 1200,
      output_octets: 90,
      input_octets: 9,
      terminate_cause: 'User-Request',
    }),
  ]
  await insertRows(store, `gatepost.radius_accounting (${Object.keys(packets[0]).join(', ')})`, packets)
  const login = (minutesAgo: number, success: number, mac = '02-00-00-00-00-09', nas = 'lobby') => ({
    received_at: at(minutesAgo),
    nas_identifier: nas,
    username: 'carol@example.org',
    mac,
    success,
    authentication_result: success === 1 ? 'Access-Accept' : 'Access-Reject',
    authentication_reply: 'Hello',
  })
  const logins = [
    login(45, 1),
    login(32, 1),
    login(31, 0),
    login(31, 1, '02-00-00-00-00-0A'),
    login(31, 1, '02-00-00-00-00-09', 'elsewhere'),
    login(5, 1),
  ]
  await insertRows(store, `gatepost.post_auth (${Object.keys(logins[0]).join(', ')})`, logins)
  const searches: Partial<SessionSearch>[] = [
    { mac: '02-00-00-00-00-09' },
    { account: 'Carol@Example.ORG' },
    { gateway: 'lobby' },
    { id: 'r-1' },
  ]
  for (const search of searches) {
    t.match(
      await listSessions(store, { active: false, limit: 10, ...search }),
      [
        {
          session_id: 'r-1',
          source: 'radius',
          state: 'stopped',
          end_reason: 'User-Request',
          account: 'carol@example.org',
          ip: '10.0.0.9',
          gw_id: 'lobby',
          issued: null,
          incoming: 90,
          outgoing: 9,
          reports: 2,
        },
      ],
      JSON.stringify(search),
    )
  }
  t.same(await listSessions(store, { active: true, limit: 10, gateway: 'lobby' }), [])
  const everything = await listSessions(store, { active: false, limit: 100 })
  t.same(new Set(everything.map(({ source }) => source)), new Set(['wifidog', 'radius']))
  const request = { at: at(11), nas: 'lobby', unique_id: 'r-1', outcome: 'ack', reason: 'quota:day' }
  await insertRows(store, `gatepost.radius_disconnects (${Object.keys(request).join(', ')})`, [request])
  const [session] = await listSessions(store, { active: false, limit: 1, id: 'r-1' })
  const { events } = await sessionTimeline(store, session)
  t.same(
    events.map(({ stage, detail, incoming }) => [stage, detail, incoming]),
    [
      ['login', 'Access-Accept Hello', null],
      ['Start', '', null],
      ['Interim-Update', '', 70],
      ['Disconnect-Request', 'ack quota:day', null],
      ['Stop', 'User-Request', 90],
    ],
  )
  t.equal(events[0].received_at.slice(0, 16), logins[1].received_at.slice(0, 16))
})

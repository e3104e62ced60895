import t from 'tap'
import { insertRows } from '../../../store/table-store.ts'
import { openEngine } from '../../test/engine.ts'
import { listGateways, reportsWithin } from '../gateways.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1000).toISOString().replace('T', ' ').slice(0, 23)

/*
 * Symptom: a client counted as online for up to three intervals after the end of its session. Root cause: only its latest report was looked at, and the
 * end is a time of which no report tells.
 */
t.test('clients whose session is over are not counted', async (t) => {
  const sessions: [
    session: string,
    endsInSeconds: number | null,
    reports: [secondsAgo: number, code: number, stage?: string][],
  ][] = [
    ['online', 3600, [[20, 1]]],
    ['over', -5, [[20, 1]]],
    // In open mode, and at gateways without an id, nothing is known of an end.
    ['foreign', null, [[20, 1]]],
    ['validating', 600, [[30, 5]]],
    ['denied', 3600, [[60, 1], [20, 0]]], // prettier-ignore
    ['silent', 3600, [[400, 1]]],
    ['logged out', 3600, [[60, 1], [20, 0, 'logout']]], // prettier-ignore
  ]
  await insertRows(
    store,
    'gatepost.gateway_pings (received_at, gw_id, remote_ip, trusted)',
    [180, 120, 60, 0].map((ago) => ({ received_at: at(ago), gw_id: 'A', remote_ip: '192.0.2.1', trusted: 1 })),
  )
  await insertRows(
    store,
    'gatepost.portal_sessions (received_at, issued, session_id, gw_id, mac, method, use_by, ends)',
    sessions.flatMap(([session_id, ends], index) =>
      ends === null
        ? []
        : [
            {
              received_at: at(900),
              issued: at(900),
              session_id,
              gw_id: 'A',
              mac: `00-00-00-00-00-0${index}`,
              method: 'click',
              use_by: at(300),
              ends: at(-ends),
            },
          ],
    ),
  )
  await insertRows(
    store,
    'gatepost.gateway_auth (received_at, gw_id, session_id, mac, stage, auth_code, own)',
    sessions.flatMap(([session_id, , reports], index) =>
      reports.map(([ago, auth_code, stage = 'counters']) => ({
        received_at: at(ago),
        gw_id: 'A',
        session_id,
        mac: `00-00-00-00-00-0${index}`,
        stage,
        auth_code,
        own: 1,
      })),
    ),
  )
  // A device whose earlier session is over, and that has logged in again.
  const again = { gw_id: 'A', mac: '00-00-00-00-00-09', auth_code: 1, own: 1 }
  await insertRows(store, 'gatepost.gateway_auth (received_at, gw_id, session_id, mac, stage, auth_code, own)', [
    { ...again, received_at: at(30), session_id: 'over', stage: 'counters' },
    { ...again, received_at: at(3), session_id: 'new', stage: 'login' },
  ])
  // WiFiDog before 1.3 does not name itself in auth requests.
  const nameless = { gw_id: '', auth_code: 1, own: 1, received_at: at(15), stage: 'counters' }
  await insertRows(store, 'gatepost.gateway_auth (received_at, gw_id, session_id, mac, stage, auth_code, own)', [
    { ...nameless, session_id: 'online', mac: '00-00-00-00-00-0A' },
    { ...nameless, session_id: 'over', mac: '00-00-00-00-00-0B' },
    { ...nameless, session_id: 'unknown', mac: '00-00-00-00-00-0C' },
  ])
  const [gateway] = await listGateways(store, false)
  t.match(gateway, { gw_id: 'A', interval_seconds: 60, clients: 5 })
})

t.test('by when a session that was cut off is out', async (t) => {
  const within = async (gw_id: string, session_id: string) => (await reportsWithin(store, [{ gw_id, session_id }]))[0]
  t.equal(await within('A', 'none'), 120, 'two of its intervals')
  t.equal(await within('', 'online'), 120, 'counters of a gateway that does not name itself: the default')
  t.equal(await within('', 'none'), null)
  const row = { gw_id: 'B', session_id: 'B', mac: '00-00-00-00-00-0D', auth_code: 1, own: 1 }
  await insertRows(store, 'gatepost.gateway_auth (received_at, gw_id, session_id, mac, stage, auth_code, own)', [
    { ...row, received_at: at(86_500), stage: 'counters' },
    { ...row, received_at: at(60), stage: 'login' },
  ])
  t.equal(await within('B', 'B'), null, 'no counters for a day')
})

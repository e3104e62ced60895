import t from 'tap'
import { insertRows } from '../../../store/table-store.ts'
import { fieldsOf } from './compute.ts'
import { openEngine } from '../../test/engine.ts'

/* Hand-computed cases of traffic. */
const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const hour = (at: string, gateway: string, session: string, mac: string, incoming: number, outgoing: number) => ({
  hour: at,
  gw_id: gateway,
  session_id: session,
  mac,
  incoming,
  outgoing,
})

t.test('nothing reported: no rows', async (t) => {
  t.same(await fieldsOf(store, 'traffic', { period: 'day', date: '2024-06-12' }), { rows: [] })
})

t.test('bytes, sessions and devices of each gateway, of whole UTC days', async (t) => {
  const columns = 'hour, gw_id, session_id, mac, incoming, outgoing'
  await insertRows(store, `gatepost.session_hours (${columns})`, [
    hour('2024-06-10 23:00:00', 'A', 's1', 'm1', 1000, 1),
    hour('2024-06-11 00:00:00', 'A', 's1', 'm1', 10, 2),
    hour('2024-06-11 05:00:00', 'A', 's2', 'm1', 5, 3),
    hour('2024-06-11 23:00:00', 'A', 's3', '', 0, 0),
    hour('2024-06-11 12:00:00', 'B', 's4', 'm2', 2 ** 40, 7),
    hour('2024-06-12 00:00:00', 'B', 's4', 'm2', 50, 50),
  ])
  // The same hour once more: the newest row counts.
  await insertRows(store, `gatepost.session_hours (${columns}, computed_at)`, [
    { ...hour('2024-06-11 05:00:00', 'A', 's2', 'm1', 6, 3), computed_at: '2100-01-01 00:00:00.000' },
  ])
  t.same(await fieldsOf(store, 'traffic', { period: 'day', date: '2024-06-12' }), {
    rows: [
      { gw_id: 'A', incoming: 16, outgoing: 5, sessions: 3, devices: 1 },
      { gw_id: 'B', incoming: 2 ** 40, outgoing: 7, sessions: 1, devices: 1 },
    ],
  })
  const week = await fieldsOf(store, 'traffic', { period: 'week', date: '2024-06-13' })
  t.match(week, { rows: [{ incoming: 1016, sessions: 3 }, { incoming: 2 ** 40 + 50 }] })
})

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

t.test('RADIUS: what counters rose by, at the time of the packet that says so', async (t) => {
  const packet = (
    at: string,
    nas: string,
    id: string,
    seconds: number,
    output: number,
    input: number,
    status = 'Interim-Update',
  ) => ({
    received_at: at,
    event_at: at,
    status_type: status,
    nas,
    unique_id: id,
    mac: `mac of ${id}`,
    session_time: seconds,
    output_octets: output,
    input_octets: input,
  })
  const packets = [
    // Began the day before: only what was added in the day counts.
    packet('2024-05-10 23:50:00', 'N', 'over-midnight', 600, 1000, 10),
    packet('2024-05-11 00:10:00', 'N', 'over-midnight', 1800, 1500, 15),
    packet('2024-05-11 23:59:59', 'N', 'over-midnight', 87_599, 2500, 16),
    packet('2024-05-12 00:00:00', 'N', 'over-midnight', 87_600, 9999, 99, 'Stop'),
    // Began long before what is read: its first value is where counting begins.
    packet('2024-05-11 12:00:00', 'N', 'of-last-week', 600_000, 5_000_000, 50),
    packet('2024-05-11 12:10:00', 'N', 'of-last-week', 600_600, 5_000_007, 51),
    // Of the day: all of it counts; a counter that began anew, and a repetition.
    packet('2024-05-11 10:00:00', 'M', 'of-the-day', 0, 0, 0, 'Start'),
    packet('2024-05-11 10:10:00', 'M', 'of-the-day', 600, 100, 1),
    packet('2024-05-11 10:20:00', 'M', 'of-the-day', 1200, 30, 2),
    packet('2024-05-11 10:20:00', 'M', 'of-the-day', 1200, 30, 2),
    packet('2024-05-11 10:30:00', 'M', 'of-the-day', 1800, 50, 3, 'Stop'),
    packet('2024-05-11 10:40:00', 'M', 'of-the-day', 2400, 500, 500),
    packet('2024-05-12 10:00:00', 'M', 'next-day', 60, 100, 1),
  ]
  await insertRows(store, `gatepost.radius_accounting (${Object.keys(packets[0]).join(', ')})`, packets)
  t.same(await fieldsOf(store, 'traffic', { period: 'day', date: '2024-05-12' }), {
    rows: [
      { gw_id: 'M', incoming: 150, outgoing: 3, sessions: 1, devices: 1 },
      { gw_id: 'N', incoming: 1507, outgoing: 7, sessions: 2, devices: 2 },
    ],
  })
})

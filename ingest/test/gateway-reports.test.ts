import t from 'tap'
import { GatewayReports } from '../gateway-reports.ts'

/* By when a gateway learns that a client was cut off: two of its intervals, which its heartbeats tell, if it sends counters. */

const START = Date.UTC(2024, 1, 29)

t.test('the shortest gap counts, since other workers see some of the heartbeats', (t) => {
  const reports = new GatewayReports()
  const seen = (...seconds: number[]) => seconds.forEach((second) => reports.heartbeat('A', START + second * 1000))
  seen(0)
  t.equal(reports.withinMs('A'), null)
  seen(180)
  t.equal(reports.withinMs('A'), 360_000)
  seen(240, 240.5, 420)
  t.equal(reports.withinMs('A'), 120_000, 'what is sent twice is no gap')
  seen(...Array.from({ length: 8 }, (_, index) => 1000 + index * 300))
  t.equal(reports.withinMs('A'), 600_000, 'the gateway was set to another interval')
  t.equal(reports.withinMs('B'), null)
  t.end()
})

t.test('whether counters come, from the gateway or of the session', (t) => {
  const reports = new GatewayReports()
  const [now, day] = [START, 24 * 3_600_000]
  t.notOk(reports.sendsCounters('A', 'session', now))
  reports.heartbeat('A', now)
  t.notOk(reports.sendsCounters('A', 'session', now))
  reports.counters('A', now)
  t.ok(reports.sendsCounters('A', 'session', now + day - 1))
  t.notOk(reports.sendsCounters('A', 'session', now + day), 'of a day ago')
  t.notOk(reports.sendsCounters('B', 'session', now))
  reports.counters('session', now)
  t.ok(reports.sendsCounters('B', 'session', now), 'the gateway does not name itself')
  t.end()
})

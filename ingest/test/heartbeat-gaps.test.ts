import t from 'tap'
import { HeartbeatGaps } from '../heartbeat-gaps.ts'

/* By when a gateway learns that a client was cut off: two of its intervals, which its heartbeats tell. */

const START = Date.UTC(2024, 1, 29)

t.test('the shortest gap counts, since other workers see some of the heartbeats', (t) => {
  const gaps = new HeartbeatGaps()
  const seen = (...seconds: number[]) => seconds.forEach((second) => gaps.seen('A', START + second * 1000))
  seen(0)
  t.equal(gaps.reportsWithinMs('A'), null)
  seen(180)
  t.equal(gaps.reportsWithinMs('A'), 360_000)
  seen(240, 240.5, 420)
  t.equal(gaps.reportsWithinMs('A'), 120_000, 'what is sent twice is no gap')
  seen(...Array.from({ length: 8 }, (_, index) => 1000 + index * 300))
  t.equal(gaps.reportsWithinMs('A'), 600_000, 'the gateway was set to another interval')
  t.equal(gaps.reportsWithinMs('B'), null)
  t.end()
})

import t from 'tap'
import { fleetEvents, guestEvents, together, type DemoEvent, type Timeline } from '../events.ts'
import { makeFleet, MAX_SITES } from '../fleet.ts'

const DAY_MS = 86_400_000
/** A Monday. */
const from = Date.UTC(2024, 0, 1)
const until = from + 7 * DAY_MS
const options = { seed: 3, sites: 40, from, until }

t.test('the same seed gives the same week, in order; another seed gives another', (t) => {
  const [one, again, other] = [3, 3, 4].map((seed) => week(seed).map(shown))
  t.same(one, again)
  t.not(JSON.stringify(one), JSON.stringify(other))
  const times = week(3).map(({ at }) => at)
  t.ok(times.every((at, index) => at >= from && (index === 0 || at >= times[index - 1])))
  t.end()
})

t.test('a week has working days and a weekend, rejections, an outage and gateways that are down', (t) => {
  const fleet = makeFleet(options)
  const events = week(3)
  const logins = events.filter((event) => event.kind === 'login')
  const ofDay = (day: number) => logins.filter(({ at }) => Math.floor((at - from) / DAY_MS) === day).length
  t.ok(ofDay(1) > 3 * ofDay(6), `Tuesday ${ofDay(1)}, Sunday ${ofDay(6)}`)
  const rejected = logins.filter(({ login }) => !login.accepted).length
  t.ok(rejected > 0.03 * logins.length && rejected < 0.3 * logins.length, `${rejected} of ${logins.length}`)
  const beats = events.filter((event) => event.kind === 'heartbeat')
  const out = fleet.sites[3]
  const { outage } = out
  if (outage === null) throw new Error('site 3 has an outage')
  t.notOk(
    beats.some(({ site, at }) => site.index === 3 && at >= outage.from && at < outage.until),
    'none during the outage',
  )
  t.ok(beats.some(({ site, at }) => site.index === 3 && at >= outage.until))
  const down = fleet.sites.filter(({ gateway }) => gateway.silentFrom < until)
  t.ok(down.length >= 2)
  t.notOk(beats.some(({ site, at }) => at >= site.gateway.silentFrom))
  t.end()
})

t.test('every site has a name, an address and a gateway of its own', (t) => {
  const { sites } = makeFleet({ ...options, sites: MAX_SITES })
  for (const of of ['name', 'ip', 'locationId'] as const)
    t.equal(new Set(sites.map((site) => site[of])).size, MAX_SITES)
  t.equal(new Set(sites.map(({ gateway }) => gateway.gwId)).size, MAX_SITES)
  t.equal(new Set(sites.map(({ gateway }) => gateway.address)).size, MAX_SITES)
  t.end()
})

function week(seed: number): DemoEvent[] {
  const fleet = makeFleet({ ...options, seed })
  return before(until, together(fleetEvents({ fleet, seed, from }), guestEvents({ fleet, seed, from })))
}

function before(end: number, timeline: Timeline): DemoEvent[] {
  const events: DemoEvent[] = []
  for (const event of timeline) {
    if (event.at >= end) break
    events.push(event)
  }
  return events
}

function shown(event: DemoEvent): unknown[] {
  const what =
    event.kind === 'login'
      ? event.login.body
      : event.kind === 'heartbeat'
        ? event.query
        : event.kind === 'mistake'
          ? event.body
          : `${event.session.mac} ${event.step}`
  return [event.at, event.kind, what]
}

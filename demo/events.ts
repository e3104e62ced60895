import { Chance, Weighted } from './chance.ts'
import { type Fleet, type Gateway, type Customer, type Site } from './fleet.ts'
import { makeLogin, type Login } from './login.ts'
import { busyness, PLACES, type Place } from './rhythm.ts'

/** What a person or a gateway does at a point in time. */
export type DemoEvent = { readonly at: number } & (
  | { readonly kind: 'login'; readonly login: Login }
  /** A report that becomes a dead letter. */
  | { readonly kind: 'mistake'; readonly body: string }
  | { readonly kind: 'heartbeat'; readonly site: Site; readonly query: string }
  | { readonly kind: 'session'; readonly session: GuestSession; readonly step: 'begin' | 'counters' | 'logout' }
)

/** A guest at a gateway. */
export interface GuestSession {
  readonly site: Site
  readonly mac: string
  readonly ip: string
  readonly begins: number
  /** Bytes a second. */
  readonly incoming: number
  readonly outgoing: number
  /** Issued by the portal; null: not issued yet. */
  token: string | null
  /** Requests of one gateway about one session are sent one after the other. */
  previous: Promise<void>
}

export interface EventOptions {
  readonly fleet: Fleet
  readonly seed: number
  /** ms since the epoch. */
  readonly from: number
}

/** An endless stream of events in time order. */
export type Timeline = Generator<DemoEvent, never>

const MINUTE_MS = 60_000
/** At a site of average weight, on a working day. */
const LOGINS_A_DAY = 34
const GUESTS_A_DAY = 2
const MINUTES_A_DAY = 1440
const COUNTERS_MS = 30 * MINUTE_MS
const MISTAKES_A_DAY = 3
/** Reports of a RADIUS server that is being set up. */
const MISTAKES = [
  '{"username":"TESTER","site_ip_address":"203.0.113.9"}',
  '{"username":"TESTER","authentication_result":',
]
const GUEST_VENDORS = ['3C-22-FB', 'A4-83-E7', 'D8-CE-3A']

/** Logins and heartbeats. */
export function* fleetEvents({ fleet, seed, from }: EventOptions): Timeline {
  const chance = new Chance(seed ^ 0x5eed)
  const schedule = new Schedule()
  const places = byPlace(fleet)
  for (let minute = Math.floor(from / MINUTE_MS) * MINUTE_MS; ; minute += MINUTE_MS) {
    const now = schedule.take(minute)
    for (const { site, at } of somewhere(places, LOGINS_A_DAY, minute, chance)) {
      if (!isOut(site, at)) logIn(site, at, chance, now, schedule)
    }
    for (const site of fleet.sites) {
      const { interval, phase } = site.gateway
      if (minute % interval !== phase - (phase % MINUTE_MS)) continue
      const at = minute + (phase % MINUTE_MS) + chance.whole(0, 300)
      if (isHeard(site, at)) now.push({ at, kind: 'heartbeat', site, query: heartbeat(site.gateway, at, chance) })
    }
    if (chance.happens(MISTAKES_A_DAY / MINUTES_A_DAY)) {
      const body = chance.pick(MISTAKES)
      now.push({ at: minute + chance.whole(0, MINUTE_MS), kind: 'mistake', body })
    }
    yield* inOrder(now, from)
  }
}

/** Guests at the gateways' portal. */
export function* guestEvents({ fleet, seed, from }: EventOptions): Timeline {
  const chance = new Chance(seed ^ 0x6e57)
  const schedule = new Schedule()
  const places = byPlace(fleet)
  for (let minute = Math.floor(from / MINUTE_MS) * MINUTE_MS; ; minute += MINUTE_MS) {
    const now = schedule.take(minute)
    for (const { site, at } of somewhere(places, GUESTS_A_DAY, minute, chance)) {
      if (isHeard(site, at)) visit(site, at, chance, now, schedule)
    }
    yield* inOrder(now, from)
  }
}

/** Merges two timelines. */
export function* together(one: Timeline, other: Timeline): Timeline {
  let [first, second] = [one.next().value, other.next().value]
  for (;;) {
    if (first.at <= second.at) {
      yield first
      first = one.next().value
    } else {
      yield second
      second = other.next().value
    }
  }
}

/** Puts an event that was taken from a timeline back in front. */
export function* startingWith(event: DemoEvent, rest: Timeline): Timeline {
  yield event
  return yield* rest
}

type PlaceSites = readonly { readonly place: Place; readonly sites: Weighted<Site> }[]

function byPlace({ sites }: Fleet): PlaceSites {
  return PLACES.map((place) => {
    const ofPlace = sites.filter((site) => site.place === place)
    return { place, sites: new Weighted(ofPlace, ({ weight }) => weight) }
  }).filter(({ sites }) => sites.total > 0)
}

/** When and where events happen that occur `perDay` times a day at a site of average weight. */
function* somewhere(
  places: PlaceSites,
  aDay: number,
  minute: number,
  chance: Chance,
): Generator<{ site: Site; at: number }> {
  for (const { place, sites } of places) {
    const mean = (sites.total / MINUTES_A_DAY) * busyness(place, minute) * aDay
    for (let count = chance.poisson(mean); count > 0; count--) {
      yield { at: minute + chance.whole(0, MINUTE_MS), site: sites.pick(chance) }
    }
  }
}

function* inOrder(events: DemoEvent[], from: number): Generator<DemoEvent> {
  events.sort((one, other) => one.at - other.at)
  for (const event of events) if (event.at >= from) yield event
}

/** Events that are already scheduled, at most one per guest. */
class Schedule {
  readonly #minutes = new Map<number, DemoEvent[]>()

  put(event: DemoEvent): void {
    const minute = Math.floor(event.at / MINUTE_MS) * MINUTE_MS
    const events = this.#minutes.get(minute)
    if (events === undefined) this.#minutes.set(minute, [event])
    else events.push(event)
  }

  take(minute: number): DemoEvent[] {
    const events = this.#minutes.get(minute) ?? []
    this.#minutes.delete(minute)
    return events
  }
}

function isOut({ outage }: Site, at: number): boolean {
  return outage !== null && at >= outage.from && at < outage.until
}

function isHeard(site: Site, at: number): boolean {
  return !isOut(site, at) && at < site.gateway.silentFrom
}

function logIn(site: Site, at: number, chance: Chance, now: DemoEvent[], schedule: Schedule): void {
  const person = who(site, at, chance)
  const login = makeLogin(site, person, at, chance)
  now.push({ at, kind: 'login', login })
  // A refused user tries again, some of them several times.
  let last = login
  let again = at
  for (let tries = 0; !last.accepted && tries < 3 && chance.happens(0.75); tries++) {
    again += chance.whole(6_000, 50_000)
    last = makeLogin(site, person, again, chance, true)
    const event: DemoEvent = { at: again, kind: 'login', login: last }
    if (Math.floor(again / MINUTE_MS) === Math.floor(at / MINUTE_MS)) now.push(event)
    else schedule.put(event)
  }
}

/** A person whose account exists by then. */
function who({ regulars, visitors }: Site, at: number, chance: Chance): Customer {
  for (let tries = 0; tries < 20; tries++) {
    const person =
      visitors.length > 0 && chance.happens(0.06)
        ? chance.pick(visitors)
        : regulars[Math.floor(regulars.length * chance.next() ** 1.7)]
    if (person.createdAt <= at) return person
  }
  return regulars.find(({ createdAt }) => createdAt <= at) ?? regulars[0]
}

function visit(site: Site, at: number, chance: Chance, now: DemoEvent[], schedule: Schedule): void {
  const rate = 4_000 * chance.exponential() ** 2 + 300
  const session: GuestSession = {
    site,
    mac: chance.mac(chance.pick(GUEST_VENDORS)),
    ip: site.gateway.address.replace(/1$/, String(chance.whole(20, 250))),
    begins: at,
    incoming: rate,
    outgoing: rate * (0.05 + 0.2 * chance.next()),
    token: null,
    previous: Promise.resolve(),
  }
  now.push({ at, kind: 'session', session, step: 'begin' })
  const ends = at + 5 * MINUTE_MS + 75 * MINUTE_MS * chance.exponential()
  const put = (when: number, step: 'counters' | 'logout') => {
    if (isHeard(site, when)) schedule.put({ at: when, kind: 'session', session, step })
  }
  for (let when = at + COUNTERS_MS; when < ends; when += COUNTERS_MS) put(when + chance.whole(0, 2000), 'counters')
  // The others leave without logging out.
  if (chance.happens(0.6)) put(Math.floor(ends) + 5000, 'logout')
}

function heartbeat({ gwId, booted, restart, memoryKib }: Gateway, at: number, chance: Chance): string {
  const started = at >= restart ? restart : booted + 40_000
  const parameters = {
    gw_id: gwId,
    sys_uptime: Math.floor((at - booted) / 1000),
    sys_memfree: Math.floor(memoryKib * (0.25 + 0.2 * chance.next())),
    sys_load: (0.04 + 0.25 * chance.exponential()).toFixed(2),
    wifidog_uptime: Math.floor((at - started) / 1000),
  }
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

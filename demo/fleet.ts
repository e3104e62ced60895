import { Chance, Weighted } from './chance.ts'
import { BUILDINGS, FIRST_NAMES, LAST_NAMES, TOWNS } from './names.ts'
import { type Place } from './rhythm.ts'

/* The people, sites and gateways of a demo, generated from a seed: the same options give the same demo. */

export interface FleetOptions {
  readonly seed: number
  readonly sites: number
  /** Beginning and end of the demo, ms since the epoch. */
  readonly from: number
  readonly until: number
}

export interface Gateway {
  readonly gwId: string
  /** Address under which its clients reach it. */
  readonly address: string
  readonly userAgent: string
  /** Between its heartbeats, ms. */
  readonly interval: number
  /** Offset of its heartbeats from each full interval, ms. */
  readonly phase: number
  /** Its last heartbeat is before this time; Infinity: it never goes down. */
  readonly silentFrom: number
  /** When its program and its machine started; the program restarts at `restart`. */
  readonly booted: number
  readonly restart: number
  readonly memoryKib: number
}

export interface Site {
  readonly index: number
  readonly name: string
  readonly place: Place
  readonly ip: string
  readonly locationId: number
  /** Weight of the site among the logins: a few sites have many. */
  readonly weight: number
  /** called_station_id of its access points. */
  readonly accessPoints: readonly string[]
  readonly gateway: Gateway
  /** No logins and no heartbeats come from the site in this time; null: no outage. */
  readonly outage: { readonly from: number; readonly until: number } | null
  /** From this time on most logins fail, because its access points are misconfigured. */
  readonly brokenFrom: number
  /** Ordered by frequency: the first come often, the last rarely. */
  readonly regulars: Customer[]
  /** People of other sites who come here too. */
  readonly visitors: Customer[]
}

export interface Certificate {
  readonly name: string
  readonly serial: string
  readonly subject: string
  readonly issuer: string
  /** ms since the epoch; later logins are refused. */
  readonly expires: number
}

export interface Customer {
  readonly username: string
  readonly devices: readonly string[]
  /** Null: the person logs in with a user name. */
  readonly certificate: Certificate | null
  readonly createdAt: number
  readonly contact: string
  readonly sponsor: string
}

export interface Fleet {
  readonly sites: readonly Site[]
  /** People with an account; those who log in with a certificate have none. */
  readonly people: readonly Customer[]
}

const DAY_MS = 86_400_000
const PEOPLE_PER_SITE = 60
/**
 * Interval of the heartbeats. Long, to keep the demo small, but short enough for three heartbeats in two hours, from which the interval is
 * derived.
 */
const INTERVAL_MS = 30 * 60_000
/** Interval of late gateways: they are two to five intervals late, and three heartbeats must fit into two hours. */
const SHORT_INTERVAL_MS = 10 * 60_000

/** Networks for documentation (RFC 5737): 254 addresses each. */
const NETWORKS = ['203.0.113', '198.51.100', '192.0.2']
export const MAX_SITES = 254 * NETWORKS.length

const PLACES: readonly (readonly [Place, number])[] = [
  ['office', 0.4],
  ['library', 0.22],
  ['hospital', 0.13],
  ['court', 0.1],
  ['school', 0.15],
]

const ACCESS_POINT_VENDORS = ['70-3A-0E', '2C-3F-0B', 'F4-92-BF']
const DEVICE_VENDORS = ['3C-22-FB', 'A4-83-E7', '50-A6-7F', 'D8-CE-3A', '9C-B6-D0', 'B0-BE-83']
const AGENTS = ['WiFiDog 1.3.0', 'WiFiDog 1.2.1', 'WiFiDog 1.3.0', 'wifidog-ng 1.5']

/** @param options `sites` from 1 to MAX_SITES */
export function makeFleet(options: FleetOptions): Fleet {
  const chance = new Chance(options.seed)
  const places = new Weighted(PLACES, ([, weight]) => weight)
  const names = new Set<string>()
  const sites = Array.from({ length: options.sites }, (_, index) =>
    makeSite(index, places.pick(chance)[0], names, options, chance),
  )
  const usernames = new Set<string>()
  const people: Customer[] = []
  for (const site of sites) {
    for (let count = 0; count < PEOPLE_PER_SITE; count++) {
      const person = makeCustomer(usernames, options, chance)
      site.regulars.push(person)
      if (person.certificate === null) people.push(person)
      for (let others = chance.happens(0.12) ? chance.whole(1, 4) : 0; others > 0; others--) {
        const other = chance.pick(sites)
        if (other !== site) other.visitors.push(person)
      }
    }
  }
  // People who signed up and never logged in.
  for (let count = 4 * sites.length; count > 0; count--) people.push(makeCustomer(usernames, options, chance, true))
  return { sites, people }
}

function makeSite(index: number, place: Place, names: Set<string>, options: FleetOptions, chance: Chance): Site {
  const { from, until } = options
  const name = siteName(place, names, chance)
  const weight = 0.3 + 1.2 * chance.exponential()
  const vendor = chance.pick(ACCESS_POINT_VENDORS)
  const accessPoints = Array.from({ length: 1 + Math.round(2.5 * weight) }, () => chance.mac(vendor))
  const named = chance.happens(0.08)
  // Special cases are at fixed indices, so that a small demo has some of them too.
  const outageAt = until - 0.4 * (until - from)
  return {
    index,
    name,
    place,
    ip: `${NETWORKS[Math.floor(index / 254)]}.${1 + (index % 254)}`,
    locationId: 1 + index,
    weight,
    accessPoints: named
      ? accessPoints.map((_, floor) => `${name}, floor ${floor}`)
      : accessPoints.map((mac) => `${mac}:GuestWiFi`),
    gateway: makeGateway(index, options, chance),
    outage: index === 3 ? { from: outageAt, until: outageAt + 22 * 3_600_000 } : null,
    brokenFrom: index === 1 ? until - 2.3 * DAY_MS : Infinity,
    regulars: [],
    visitors: [],
  }
}

function siteName(place: Place, names: Set<string>, chance: Chance): string {
  for (;;) {
    const name = `${chance.pick(TOWNS)} ${chance.pick(BUILDINGS[place])}`
    const numbered = names.has(name) ? `${name} ${chance.whole(2, 40)}` : name
    if (names.has(numbered)) continue
    names.add(numbered)
    return numbered
  }
}

function makeGateway(index: number, { from, until }: FleetOptions, chance: Chance): Gateway {
  const booted = from - chance.whole(1, 200) * DAY_MS - chance.whole(0, DAY_MS)
  // One in forty is down, one in fifty is late.
  const isLate = index % 50 === 6
  const interval = isLate ? SHORT_INTERVAL_MS : INTERVAL_MS
  const silence = isLate ? 2.3 * interval : index % 40 === 2 ? chance.whole(6, 80) * interval : 0
  return {
    gwId: chance.mac('00-12-17').replaceAll('-', ''),
    address: `10.${1 + (index >> 8)}.${index & 255}.1`,
    userAgent: chance.pick(AGENTS),
    // Stagger the gateways.
    interval,
    phase: chance.whole(0, 60) * (interval / 60) + chance.whole(0, 600),
    silentFrom: silence === 0 ? Infinity : until - silence,
    booted,
    restart: chance.happens(0.15) ? from + chance.next() * (until - from) : Infinity,
    memoryKib: chance.pick([65_536, 131_072, 262_144]),
  }
}

function makeCustomer(taken: Set<string>, options: FleetOptions, chance: Chance, account = false): Customer {
  const { from, until } = options
  const first = chance.pick(FIRST_NAMES)
  const last = chance.pick(LAST_NAMES)
  const username = newName(taken, chance)
  const vendor = chance.pick(DEVICE_VENDORS)
  const devices = Array.from({ length: chance.happens(0.35) ? chance.whole(2, 4) : 1 }, () => chance.mac(vendor))
  const certificate = account || chance.happens(0.9) ? null : makeCertificate(`${first}.${last}`, options, chance)
  const isNew = chance.happens(0.25)
  const createdAt = isNew ? from + chance.next() * (until - from) * 0.98 : from - chance.next() * 700 * DAY_MS
  const email = `${first}.${last}${chance.whole(1, 99)}@example.org`
  const contact = chance.happens(0.45) ? `+4477009${chance.whole(10_000, 99_999)}` : email
  const sponsor = chance.happens(0.25) ? `${chance.pick(FIRST_NAMES)}.${chance.pick(LAST_NAMES)}@example.org` : contact
  return { username, devices, certificate, createdAt, contact, sponsor }
}

/** Six letters, like the user names that such services issue. */
function newName(taken: Set<string>, chance: Chance): string {
  for (;;) {
    const name = String.fromCharCode(...Array.from({ length: 6 }, () => chance.whole(65, 91)))
    if (taken.has(name)) continue
    taken.add(name)
    return name
  }
}

function makeCertificate(name: string, { from, until }: FleetOptions, chance: Chance): Certificate {
  const serial = Array.from({ length: 16 }, () => chance.whole(0, 16).toString(16)).join('')
  return {
    name: `${name}.device.example.org`,
    serial,
    subject: `/C=GB/O=Example Department/CN=${name}.device.example.org`,
    issuer: '/C=GB/O=Example Department/CN=Device CA 2',
    expires: chance.happens(0.04) ? from + chance.next() * (until - from) : Infinity,
  }
}

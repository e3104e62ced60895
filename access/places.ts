import type { AccessEntry, AccessLog } from './log.ts'
import type { SubjectData } from './subject-data.ts'
import { RELEASED, REPLACED, SUBJECTS, type Place } from './subjects.ts'

/*
 * How many devices an account, or a voucher, has online at a time. Each takes a place: first by a claim, so that of two workers exactly one
 * gets it, then, once the session is known, for as long as the session may last. A place is free as soon as its session was ended.
 */

/** Devices that a rule may allow. */
export const MAX_DEVICES = 100
/** How long a login may take from the claim of its place until the session is known. */
const LOGIN_MS = 60_000
/** Places of sessions that were ended stay in the log until they would have ended. More of them than this, and the account has to wait. */
const MAX_ENDED = 200
/** Claims that other logins may win before this one gives up. */
const MAX_TRIES = 20

export interface PlaceRule {
  readonly account: string
  readonly maxDevices: number
  /** Who may stay if there are more: the device that came first, or the newest. */
  readonly wins: 'first' | 'newest'
}

/** A place that a device got. */
export interface TakenPlace {
  readonly account: string
  readonly place: number
  readonly device: string
  readonly maxDevices: number
}

/** How many devices an account has online, and may have. */
export interface DevicesOnline {
  readonly online: number
  readonly max: number
}

interface Held extends Place {
  readonly place: number
  readonly entry: AccessEntry
  readonly lives: boolean
}

export class Places {
  readonly #data: SubjectData
  readonly #access: AccessLog

  constructor(data: SubjectData, access: AccessLog) {
    this.#data = data
    this.#access = access
  }

  /** Null: other devices have all places. @throws GatepostError LOG_UNAVAILABLE */
  async take({ account, maxDevices, wins }: PlaceRule, device: string, now: number): Promise<TakenPlace | null> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const held = heldPlaces(this.#access, account, maxDevices, now)
      const mine = held.find((each) => each.device === device)
      if (mine?.lives === true) return { account, place: mine.place, device, maxDevices }
      const living = held.filter(({ lives }) => lives)
      if (living.length >= maxDevices) {
        if (wins === 'first') return null
        const rest = await this.#replace(living, living.length - maxDevices + 1, now)
        if (rest > 0) return null
      }
      const place = mine?.place ?? firstFree(held)
      if (place > maxDevices + MAX_ENDED) return null
      const claim: Place = { account, device, sessionId: '' }
      if (mine !== undefined) {
        await this.#data.put(SUBJECTS.place, { account, place }, claim, now + LOGIN_MS)
        return { account, place, device, maxDevices }
      }
      const winner = await this.#data.claim(SUBJECTS.place, { account, place }, claim, now + LOGIN_MS)
      if (winner.device === device) return { account, place, device, maxDevices }
    }
    return null
  }

  /** The session that has the place, until it ends. @throws GatepostError LOG_UNAVAILABLE */
  settle({ account, place, device, maxDevices }: TakenPlace, sessionId: string, ends: number): Promise<void> {
    return this.#data.put(SUBJECTS.place, { account, place }, { account, device, sessionId, of: maxDevices }, ends)
  }

  /** Ends sessions, the oldest first. @returns how many were still being logged in, so that they cannot be ended */
  async #replace(living: readonly Held[], count: number, now: number): Promise<number> {
    const known = living.filter(({ sessionId }) => sessionId !== '')
    const oldest = known.sort((a, b) => a.entry.updatedAt - b.entry.updatedAt).slice(0, count)
    for (const each of oldest) await endSession(this.#access, each, REPLACED, now)
    return count - oldest.length
  }
}

/** Ends the sessions of an account, or of one of its devices. @returns how many @throws GatepostError LOG_UNAVAILABLE */
export async function releasePlaces(
  access: AccessLog,
  account: string,
  maxDevices: number,
  device: string | null,
  now: number,
): Promise<number> {
  const living = livingPlaces(access, account, maxDevices, now)
  const concerned = living.filter((each) => each.sessionId !== '' && (device === null || each.device === device))
  for (const each of concerned) await endSession(access, each, RELEASED, now)
  return concerned.length
}

/** The devices that have a place. */
export function livingPlaces(access: AccessLog, account: string, maxDevices: number, now: number): readonly Held[] {
  return heldPlaces(access, account, maxDevices, now).filter(({ lives }) => lives)
}

/** Null: the session has no place, so its devices are not counted. */
export function devicesOnline(
  access: AccessLog,
  account: string,
  sessionId: string,
  now: number,
): DevicesOnline | null {
  // Which rule gave the place, only the place says; there are no more places than the rule has.
  let max: number | null = null
  for (let place = 1; max === null && place <= MAX_DEVICES + MAX_ENDED; place++) {
    const data = SUBJECTS.place.dataOf(access.get(SUBJECTS.place.of({ account, place }), now))
    if (data?.sessionId === sessionId) max = data.of ?? null
  }
  return max === null ? null : { online: livingPlaces(access, account, max, now).length, max }
}

function heldPlaces(access: AccessLog, account: string, maxDevices: number, now: number): Held[] {
  const held: Held[] = []
  for (let place = 1; place <= maxDevices + MAX_ENDED; place++) {
    const entry = access.get(SUBJECTS.place.of({ account, place }), now)
    const data = SUBJECTS.place.dataOf(entry)
    if (entry === undefined || data === undefined) continue
    const { sessionId } = data
    const lives = sessionId === '' || access.get(SUBJECTS.session.of(sessionId), now)?.verdict !== 'deny'
    held.push({ ...data, place, entry, lives })
  }
  return held
}

function firstFree(held: readonly Held[]): number {
  const taken = new Set(held.map(({ place }) => place))
  let place = 1
  while (taken.has(place)) place++
  return place
}

async function endSession(access: AccessLog, { sessionId, entry }: Held, reason: string, now: number): Promise<void> {
  await access.put(SUBJECTS.session.of(sessionId), { verdict: 'deny', reason, until: entry.until, updatedAt: now })
}

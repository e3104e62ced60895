import type { AccessEntry, AccessLog } from './log.ts'
import type { QuotaUse } from './quota.ts'
import { SubjectKind, type PersonKind } from './subject-kind.ts'

/*
 * Every kind of subject in the access log. Subjects are stored, so their form never changes. `gatepost forget` relies on `person` and
 * `personIn` alone.
 */

/** A kind whose entries hold no data. */
type NoData = Record<string, never>

/** The client that a token without a MAC belongs to. */
export interface Binding {
  readonly mac: string
}

/** The account of a session. */
export interface SessionAccount {
  readonly account: string
}

/** The session that a device continues at another gateway. */
export interface RoamingSession {
  readonly sessionId: string
  readonly account: string
  readonly method: string
}

/** The latest session of a device at a gateway. */
export interface Online {
  readonly sessionId: string
  readonly mac: string
  /** Deadline for confirming an e-mail address, ms since the epoch; 0: nothing has to be confirmed. */
  readonly confirmBy: number
  /** Latest login, ms since the epoch; 0: not by a gateway that is known to be itself. Unset: written before this was recorded. */
  readonly loggedIn?: number
  /** When the session ends, ms since the epoch. Unset: when the entry ends. */
  readonly ends?: number
}

/** The password of an account with a confirmed address. */
export interface Credential {
  readonly account: string
  /** A password hash. */
  readonly password: string
}

/** A sign-up with an unconfirmed address. Fields that may be missing were added later. */
export interface PendingCredential extends Credential {
  /** A keyed hash of the code that was mailed. */
  readonly code: string
  /** Until when the session that signed up may be online unconfirmed, ms since the epoch; missing: until the entry ends. */
  readonly validateBy?: number
  /** Later sessions with this account, which wait for its confirmation too. */
  readonly sessions?: readonly string[]
  /** The visit that signed up, for the way back. */
  readonly gwId?: string
  readonly gwAddress?: string
  readonly gwPort?: string
  readonly mac?: string
  readonly url?: string
}

/** What leads to a sign-up: the session that made it. */
export interface SignUpOf {
  readonly sessionId: string
}

/** The session of a device that may ask the captive portal API. */
export interface CaptiveSession {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  readonly mac: string
  readonly gwId: string
  readonly account: string
}

/** What a voucher grants. */
export interface Voucher {
  /** Part of the hash of its code; the code itself is not stored. */
  readonly proof: string
  /** Validity from the first use, ms. */
  readonly validForMs: number
  readonly maxDevices: number
  /** The operator's name for it. */
  readonly label: string
  /** ms since the epoch. */
  readonly createdAt: number
  /** Longest session, ms; missing: the portal's. */
  readonly sessionMs?: number
  /** Bytes that all its sessions together may move; missing: no limit. */
  readonly quotaBytes?: number
  /** Which device may stay if there are more than allowed: the `first`, which is what a missing field means, or the `newest`. */
  readonly wins?: 'first' | 'newest'
}

/** The first use of a voucher. */
export interface VoucherStart {
  /** ms since the epoch. */
  readonly at: number
}

/** Version 0.1: a device that has used a voucher, for good: its MAC, or a hash of its browser's cookie. */
export interface VoucherDevice {
  readonly device: string
}

/** One of the devices that an account has online. */
export interface Place {
  readonly account: string
  /** Its MAC, or a hash of its browser's cookie. */
  readonly device: string
  /** Empty: it is being logged in. */
  readonly sessionId: string
  /** How many devices the account may have online; missing: it is being logged in. */
  readonly of?: number
}

/** Whose quota of a limit is used up. */
export interface Spent {
  /** Empty: none. */
  readonly account: string
  readonly mac: string
}

/** How a device has logged in. */
export interface RememberedDevice {
  readonly account: string
  readonly method: string
  /** When it last went online by itself, ms since the epoch; missing: never. */
  readonly automaticAt?: number
}

/** An operator's registration of a gateway. */
export interface Registration {
  /** Address under which browsers reach the gateway; empty: not given. */
  readonly address: string
  /** Addresses and CIDR blocks that the gateway calls from; empty: any. */
  readonly sources: readonly string[]
  readonly name: string
  readonly location: string
  /** Devices behind the gateway reach us with their own addresses (no NAT). */
  readonly routed: boolean
  /** The page that its guests go on to; empty or missing: the installation's. */
  readonly landing?: string
}

/** The gateways of a machine. */
export interface Device {
  /** gw_id → when the machine last named it, ms since the epoch. */
  readonly gateways: Readonly<Record<string, number>>
}

/** A decision of the installation: table settings. */
export interface Setting {
  readonly value: string
}

/** Names with a colon are refused: a subject with the same prefix and a colon belongs to another kind. */
const withoutColon = (text: string): string | null => (text.includes(':') ? null : text)

export const SUBJECTS = {
  // Decisions of operators, policies and the portal, from narrowest to widest.
  session: new SubjectKind<string, NoData>({ prefix: 'session:', person: null, personIn: {} }),
  mac: new SubjectKind<string, NoData>({ prefix: 'mac:', person: 'mac', personIn: {} }),
  account: new SubjectKind<string, NoData>({ prefix: 'account:', person: 'user', personIn: {} }),
  gateway: new SubjectKind<string, NoData>({ prefix: 'gateway:', person: null, personIn: {} }),

  /** By session: the client that owns the session's token. Claimed. */
  binding: new SubjectKind<string, Binding>({ prefix: 'bind:', person: null, personIn: { mac: 'mac' } }),
  /** By session: who logged in. Not in the session's token, which is too short for it. */
  sessionAccount: new SubjectKind<string, SessionAccount>({
    prefix: 'account-of:',
    person: null,
    personIn: { account: 'user' },
  }),
  /** By session: its client went online in time. Its token may be shown again at any time until it ends. */
  used: new SubjectKind<string, NoData>({ prefix: 'used:', person: null, personIn: {} }),
  /** By session: its account was confirmed in time. Separate from `session`, where a decision of an operator overrides all others. */
  confirmed: new SubjectKind<string, NoData>({ prefix: 'confirmed:', person: null, personIn: {} }),
  /** By MAC: the session to continue when the device appears at another gateway. */
  roaming: new SubjectKind<string, RoamingSession>({
    prefix: 'roam:',
    person: 'mac',
    personIn: { sessionId: null, account: 'user', method: null },
  }),

  /** By gateway and MAC: the session with which the device went online there. */
  online: new SubjectKind<{ readonly gwId: string; readonly mac: string }, Online>({
    prefix: 'online:',
    write: ({ gwId, mac }) => `${mac} ${gwId}`,
    read: (text) => {
      const space = text.indexOf(' ')
      return space < 0 ? null : { mac: text.slice(0, space), gwId: text.slice(space + 1) }
    },
    person: null,
    personIn: { sessionId: null, mac: 'mac', confirmBy: null, loggedIn: null, ends: null },
  }),

  /** Usage of each policy's quota. */
  sessionQuota: new SubjectKind<string, Readonly<Record<string, QuotaUse>>>({
    prefix: 'quota:session:',
    person: null,
    personIn: {},
  }),
  accountQuota: new SubjectKind<string, Readonly<Record<string, QuotaUse>>>({
    prefix: 'quota:account:',
    person: 'user',
    personIn: {},
  }),

  /** By a limit and the account, or the device without one, until its quota begins anew. */
  spent: new SubjectKind<{ readonly quota: string; readonly person: string }, Spent>({
    prefix: 'spent:',
    write: ({ quota, person }) => `${quota} ${person}`,
    read: (text) => {
      const space = text.indexOf(' ')
      return space < 0 ? null : { quota: text.slice(0, space), person: text.slice(space + 1) }
    },
    person: null,
    personIn: { account: 'user', mac: 'mac' },
  }),

  /** By MAC: may go online again without logging in. */
  remembered: new SubjectKind<string, RememberedDevice>({
    prefix: 'remembered:',
    person: 'mac',
    personIn: { account: 'user', method: null, automaticAt: null },
  }),

  // Read by the deciding processes only; never in a table.
  /** By a keyed hash of the account. */
  credential: new SubjectKind<string, Credential>({
    prefix: 'credential:',
    read: withoutColon,
    person: null,
    personIn: { account: 'user', password: null },
  }),
  /** By the session that signed up. */
  pendingCredential: new SubjectKind<string, PendingCredential>({
    prefix: 'credential:pending:',
    person: null,
    personIn: {
      account: 'user',
      password: null,
      code: null,
      validateBy: null,
      sessions: null,
      gwId: null,
      gwAddress: null,
      gwPort: null,
      mac: 'mac',
      url: null,
    },
  }),
  /** By a keyed hash of a mailed link, or of an address and the code mailed to it. */
  confirmation: new SubjectKind<string, SignUpOf>({
    prefix: 'credential:confirmation:',
    person: null,
    personIn: { sessionId: null },
  }),
  /** By a keyed hash of the account: its latest sign-up. */
  unconfirmed: new SubjectKind<string, SignUpOf>({
    prefix: 'credential:unconfirmed:',
    person: null,
    personIn: { sessionId: null },
  }),
  /** By a device's address and its gateway. */
  captiveSession: new SubjectKind<{ readonly ip: string; readonly gwId: string }, CaptiveSession>({
    prefix: 'credential:captive:',
    write: ({ ip, gwId }) => `${ip} ${gwId}`,
    read: (text) => {
      const space = text.indexOf(' ')
      return space < 0 ? null : { ip: text.slice(0, space), gwId: text.slice(space + 1) }
    },
    person: null,
    personIn: { sessionId: null, ends: null, mac: 'mac', gwId: null, account: 'user' },
  }),
  /** By an identifier that reveals nothing about the voucher's code. */
  voucher: new SubjectKind<string, Voucher>({
    prefix: 'voucher:',
    read: withoutColon,
    person: null,
    personIn: {
      proof: null,
      validForMs: null,
      maxDevices: null,
      label: null,
      createdAt: null,
      sessionMs: null,
      quotaBytes: null,
      wins: null,
    },
  }),
  /** By voucher. Claimed. */
  voucherStart: new SubjectKind<string, VoucherStart>({
    prefix: 'voucher:',
    write: (id) => `${id}:start`,
    read: (text) => /^([^:]*):start$/.exec(text)?.[1] ?? null,
    person: null,
    personIn: { at: null },
  }),
  /** By voucher and place, counted from 1: written by version 0.1 only. */
  voucherDevice: new SubjectKind<{ readonly id: string; readonly place: number }, VoucherDevice>({
    prefix: 'voucher:',
    write: ({ id, place }) => `${id}:device:${place}`,
    read: (text) => {
      const [, id, place] = /^([^:]*):device:(\d+)$/.exec(text) ?? []
      return id === undefined ? null : { id, place: Number(place) }
    },
    person: null,
    personIn: { device: 'mac' },
    erased: { device: '(erased)' },
  }),
  /** By account and place, counted from 1. Claimed for the login; ends with the session. */
  place: new SubjectKind<{ readonly account: string; readonly place: number }, Place>({
    prefix: 'place:',
    write: ({ account, place }) => `${place} ${account}`,
    read: (text) => {
      const [, place, account] = /^(\d+) (.*)$/s.exec(text) ?? []
      return account === undefined ? null : { account, place: Number(place) }
    },
    person: null,
    personIn: { account: 'user', device: 'mac', sessionId: null, of: null },
  }),
  /** By gw_id. */
  registration: new SubjectKind<string, Registration>({
    prefix: 'registration:',
    person: null,
    personIn: { address: null, sources: null, name: null, location: null, routed: null, landing: null },
  }),

  /** By gw_id: a worker has a channel to the gateway, as its latest heartbeat there says. */
  channel: new SubjectKind<string, NoData>({ prefix: 'channel:', person: null, personIn: {} }),

  /** By device_id. */
  device: new SubjectKind<string, Device>({ prefix: 'device:', person: null, personIn: { gateways: null } }),

  /** By its name in table settings: what the installation decided once. Claimed. */
  setting: new SubjectKind<string, Setting>({ prefix: 'setting:', person: null, personIn: { value: null } }),

  /** By a random number of the worker: the worker is listening to gateways. */
  liveness: new SubjectKind<string, NoData>({ prefix: 'alive:', person: null, personIn: {} }),
}

/** Why a session's token is no longer valid, if nobody decided about the session itself: `reason` of its entry. */
export const LOGGED_OUT = 'logged_out'
export const NOT_USED_IN_TIME = 'expired'
/** Another device took its place. */
export const REPLACED = 'replaced'
/** An operator freed its place. */
export const RELEASED = 'released'
const ENDS_ITSELF: readonly string[] = [LOGGED_OUT, NOT_USED_IN_TIME, REPLACED, RELEASED]

/** Kinds that every login makes, and every gateway that somebody invents. */
const OF_ANYBODY = [
  SUBJECTS.binding.prefix,
  SUBJECTS.sessionAccount.prefix,
  SUBJECTS.used.prefix,
  SUBJECTS.confirmed.prefix,
  SUBJECTS.roaming.prefix,
  SUBJECTS.online.prefix,
  SUBJECTS.captiveSession.prefix,
  SUBJECTS.remembered.prefix,
  SUBJECTS.sessionQuota.prefix,
  SUBJECTS.device.prefix,
]

/**
 * Whether anybody on the guest Wi-Fi can make such an entry: ends of sessions, what logins leave, and gateways of machines. Its number has no limit, so each table
 * forgets the oldest.
 * @param entry null: a claim
 */
export function isFleeting(subject: string, entry: AccessEntry | null): boolean {
  if (OF_ANYBODY.some((prefix) => subject.startsWith(prefix))) return true
  if (entry === null || entry.until === null || !subject.startsWith(SUBJECTS.session.prefix)) return false
  return entry.verdict === 'deny' && ENDS_ITSELF.includes(entry.reason)
}

/** Kinds that operators and policies decide about; table access_decisions holds all their decisions. */
export const DECIDED = ['session', 'mac', 'account', 'gateway'] as const
export type DecidedKind = (typeof DECIDED)[number]

/** A kind, with its name and data types erased. */
interface AnyKind {
  readonly prefix: string
  readonly person: PersonKind | null
  readonly personIn: Readonly<Record<string, PersonKind | null>>
  readonly erased: object | null
}
const ALL = Object.values(SUBJECTS) as readonly AnyKind[]

/** Subjects in table access_decisions that are this person. */
export function decidedSubjectsOf(person: PersonKind, value: string): string[] {
  return DECIDED.map((kind) => SUBJECTS[kind])
    .filter((kind) => kind.person === person)
    .map((kind) => kind.of(value))
}

/** An entry that names a person. */
export interface PersonalEntry {
  readonly entry: AccessEntry
  /** What `data` is replaced with when the person is forgotten; null: the entry is removed. */
  readonly erased: object | null
}

/** All entries that name a person, by subject, including those that have ended but are not yet removed. */
export function entriesNaming(access: AccessLog, person: PersonKind, value: string): Map<string, PersonalEntry> {
  const found = new Map<string, PersonalEntry>()
  for (const kind of ALL) {
    if (kind.person === person) {
      const subject = kind.prefix + value
      const entry = access.get(subject, -Infinity)
      if (entry !== undefined) found.set(subject, { entry, erased: null })
    }
    const fields = Object.entries(kind.personIn).filter(([, each]) => each === person)
    if (fields.length === 0) continue
    for (const [subject, entry] of access.entries(kind.prefix, -Infinity)) {
      if (fields.some(([field]) => entry.data?.[field] === value)) found.set(subject, { entry, erased: kind.erased })
    }
  }
  return found
}

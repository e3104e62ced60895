import type { AccessEntry, AccessLog } from './log.ts'
import type { QuotaUse } from './quota.ts'
import { SubjectKind, type PersonKind } from './subject-kind.ts'

/*
 * Every kind of subject of the access-control log. Subjects are stored: what a kind's subjects look like never changes. Forgetting a person
 * goes by `person` and `personIn` and by nothing else.
 */

/** A kind whose entries hold no data. */
type NoData = Record<string, never>

/** Which client a token without a MAC belongs to. */
export interface Binding {
  readonly mac: string
}

/** The session of a device that goes on at another gateway. */
export interface RoamingSession {
  readonly sessionId: string
  readonly account: string
  readonly method: string
}

/** The password of an account whose address is confirmed. */
export interface Credential {
  readonly account: string
  /** Its hash. */
  readonly password: string
}

/** A sign-up whose address is not confirmed yet. */
export interface PendingCredential extends Credential {
  /** A keyed hash of the code that was mailed. */
  readonly code: string
}

/** The session of a device that may ask whether it is captive. */
export interface CaptiveSession {
  readonly sessionId: string
  /** ms since the epoch. */
  readonly ends: number
  readonly mac: string
  readonly gwId: string
  readonly account: string
}

/** What a voucher is worth. */
export interface Voucher {
  /** Of its code, which is not kept. */
  readonly proof: string
  /** From its first use, ms. */
  readonly validForMs: number
  readonly maxDevices: number
  /** What the operator calls it. */
  readonly label: string
  /** ms since the epoch. */
  readonly createdAt: number
}

/** When a voucher was used first. */
export interface VoucherStart {
  /** ms since the epoch. */
  readonly at: number
}

/** A device that uses a voucher: its MAC, or a hash of its browser's cookie. */
export interface VoucherDevice {
  readonly device: string
}

/** What an operator says of a gateway. */
export interface Registration {
  /** As browsers behind it reach it; empty: not said. */
  readonly address: string
  /** Addresses and CIDR blocks from which it calls; none: from anywhere. */
  readonly sources: readonly string[]
  readonly name: string
  readonly location: string
  /** Devices behind it are seen with their own addresses. */
  readonly routed: boolean
}

/** A name without a colon: what follows one in a subject with the same prefix is another kind's. */
const withoutColon = (text: string): string | null => (text.includes(':') ? null : text)

export const SUBJECTS = {
  // What operators, policies and the portal decide, from the narrowest to the widest.
  session: new SubjectKind<string, NoData>({ prefix: 'session:', person: null, personIn: {} }),
  mac: new SubjectKind<string, NoData>({ prefix: 'mac:', person: 'mac', personIn: {} }),
  account: new SubjectKind<string, NoData>({ prefix: 'account:', person: 'user', personIn: {} }),
  gateway: new SubjectKind<string, NoData>({ prefix: 'gateway:', person: null, personIn: {} }),

  /** By session: the client that the session's token belongs to. Claimed. */
  binding: new SubjectKind<string, Binding>({ prefix: 'bind:', person: null, personIn: { mac: 'mac' } }),
  /** By session: its account was confirmed in time. Apart from `session`, where an operator's word counts more than all others. */
  confirmed: new SubjectKind<string, NoData>({ prefix: 'confirmed:', person: null, personIn: {} }),
  /** By MAC: the session that goes on, should the device be at another gateway. */
  roaming: new SubjectKind<string, RoamingSession>({
    prefix: 'roam:',
    person: 'mac',
    personIn: { sessionId: null, account: 'user', method: null },
  }),

  /** How much of each policy's quota has been used. */
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

  // What only those who decide may read; never in a table.
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
    personIn: { account: 'user', password: null, code: null },
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
  /** By an identifier that says nothing of the voucher's code. */
  voucher: new SubjectKind<string, Voucher>({
    prefix: 'voucher:',
    read: withoutColon,
    person: null,
    personIn: { proof: null, validForMs: null, maxDevices: null, label: null, createdAt: null },
  }),
  /** By voucher. Claimed. */
  voucherStart: new SubjectKind<string, VoucherStart>({
    prefix: 'voucher:',
    write: (id) => `${id}:start`,
    read: (text) => /^([^:]*):start$/.exec(text)?.[1] ?? null,
    person: null,
    personIn: { at: null },
  }),
  /** By voucher and place, counted from 1. Claimed. A place stays taken: a voucher does not become good for another device. */
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
  /** By gw_id. */
  registration: new SubjectKind<string, Registration>({
    prefix: 'registration:',
    person: null,
    personIn: { address: null, sources: null, name: null, location: null, routed: null },
  }),

  /** By a random number of the worker: it listens to gateways. */
  liveness: new SubjectKind<string, NoData>({ prefix: 'alive:', person: null, personIn: {} }),
}

/** Kinds of which table access_decisions has every decision, and that policies and operators may decide about. */
export const DECIDED = ['session', 'mac', 'account', 'gateway'] as const
export type DecidedKind = (typeof DECIDED)[number]

/** A kind as far as its names and its data do not matter. */
interface AnyKind {
  readonly prefix: string
  readonly person: PersonKind | null
  readonly personIn: Readonly<Record<string, PersonKind | null>>
  readonly erased: object | null
}
const ALL = Object.values(SUBJECTS) as readonly AnyKind[]

/** Subjects of table access_decisions that are a person. */
export function decidedSubjectsOf(person: PersonKind, value: string): string[] {
  return DECIDED.map((kind) => SUBJECTS[kind])
    .filter((kind) => kind.person === person)
    .map((kind) => kind.of(value))
}

/** An entry in which a person stands. */
export interface PersonalEntry {
  readonly entry: AccessEntry
  /** What `data` becomes when the person is forgotten; null: the entry is removed. */
  readonly erased: object | null
}

/** Everything in the log that names a person, by subject; what is over but still there included. */
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

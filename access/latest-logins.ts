import { MAX_FLEETING, type AccessLog } from './log.ts'
import { OldestFirstMap } from './oldest-first.ts'
import { SUBJECTS } from './subjects.ts'

/** Where a device was, and when; ms since the epoch. */
interface Sighting {
  readonly gwId: string
  readonly at: number
}

interface Whereabouts {
  /** The latest login that is known to come from its gateway. */
  readonly login: Sighting
  /** The entry that was written last. */
  readonly active: Sighting
  /** Until when the last of its entries is kept, ms since the epoch. */
  readonly until: number
}

/** Where each device logged in last, from the entries of kind `online` at all gateways. When full, the device that was written longest ago is forgotten. */
export class LatestLogins {
  readonly #access: AccessLog
  /** By MAC. Null: nobody has asked yet. */
  #devices: OldestFirstMap<Whereabouts> | null = null

  constructor(access: AccessLog) {
    this.#access = access
  }

  /** The latest login of a device, of those that are known to come from their gateways. */
  of(mac: string): Sighting | undefined {
    return this.#device(mac)?.login
  }

  /** Whether the device's latest login was at another gateway, or another one went on to report it after that. */
  isElsewhere(gwId: string, mac: string): boolean {
    const device = this.#device(mac)
    return device !== undefined && (device.login.gwId !== gwId || device.active.gwId !== gwId)
  }

  /** Until when a login has to be remembered so that it ends the sessions elsewhere for good, ms since the epoch; 0: there are none. */
  until(mac: string): number {
    return this.#device(mac)?.until ?? 0
  }

  #device(mac: string): Whereabouts | undefined {
    if (this.#devices === null) {
      const devices = new OldestFirstMap<Whereabouts>(MAX_FLEETING)
      this.#devices = devices
      this.#access.watch((subject) => this.#seen(devices, subject))
    }
    return this.#devices.get(mac)
  }

  /** What was known of a login stays when its entry ends: it ended the sessions elsewhere for good. */
  #seen(devices: OldestFirstMap<Whereabouts>, subject: string): void {
    const { online } = SUBJECTS
    const name = online.nameOf(subject)
    const entry = name === null ? undefined : this.#access.get(subject, -Infinity)
    if (name === null || entry === undefined) return
    const { gwId, mac } = name
    const login = { gwId, at: online.dataOf(entry)?.loggedIn ?? 0 }
    const active = { gwId, at: entry.updatedAt }
    const until = entry.until ?? 0
    const before = devices.get(mac)
    if (before !== undefined)
      devices.set(mac, {
        login: later(before.login, login),
        active: later(before.active, active),
        until: Math.max(before.until, until),
      })
    // A login that anybody can send displaces none that is proven.
    else if (login.at > 0) devices.set(mac, { login, active, until })
  }
}

function later(before: Sighting, next: Sighting): Sighting {
  return next.at > before.at ? next : before
}

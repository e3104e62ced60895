import type { AccessEntry, AccessLog } from './log.ts'
import { SUBJECTS } from './subjects.ts'

/*
 * apfree gateways from 7.10 on: one machine (device_id) may have several gateways (gw_id). Auth requests and counters name both, heartbeats
 * only the machine. So heartbeats of a machine count for the gateways that it named. Every worker gets only some of its requests: the access
 * log tells the others.
 */

/** Gateways of one machine; beyond it the one that was named longest ago is forgotten. */
const MAX_GATEWAYS = 16

/** A gateway belongs to its machine as long as the machine names it at least this often; counters name it every minute. */
const NAMED_WITHIN_MS = 24 * 3_600_000

/** How often a name that is known is written again. */
const RENEW_MS = 3_600_000

/** Entries that one worker writes in a second; more wait for the machine's next report. Anybody can invent machines. */
const WRITES_PER_SECOND = 20

/** Which gateways each machine has. As bounded as the access log's entries that anybody can make. */
export class GatewayDevices {
  readonly #access: AccessLog
  #second = 0
  #writes = 0

  constructor(access: AccessLog) {
    this.#access = access
  }

  /** The gateways that the machine has named lately; itself if it has named none. */
  gatewaysOf(device: string, now: number): string[] {
    const named = [...this.#named(device, now).keys()]
    return named.length === 0 ? [device] : named
  }

  /** Called for a trusted report that names both. */
  names(device: string, gwId: string, now: number): void {
    if (device === '' || gwId === '' || device === gwId || !this.#access.known) return
    const named = this.#named(device, now)
    if (now - (named.get(gwId) ?? -Infinity) < RENEW_MS || !this.#mayWrite(now)) return
    named.set(gwId, now)
    const latest = [...named].sort(([, a], [, b]) => b - a).slice(0, MAX_GATEWAYS)
    const entry: AccessEntry = {
      verdict: 'allow',
      reason: '',
      until: now + NAMED_WITHIN_MS,
      updatedAt: now,
      data: { gateways: Object.fromEntries(latest) },
    }
    // If it cannot be written, the machine's next report tries again.
    this.#access.put(SUBJECTS.device.of(device), entry).catch(() => {})
  }

  /** Gateway → when it was last named. */
  #named(device: string, now: number): Map<string, number> {
    const { device: kind } = SUBJECTS
    const gateways: unknown = kind.dataOf(this.#access.get(kind.of(device), now))?.gateways
    if (typeof gateways !== 'object' || gateways === null) return new Map()
    const lately = ([, at]: [string, unknown]) => typeof at === 'number' && now - at < NAMED_WITHIN_MS
    return new Map((Object.entries(gateways) as [string, number][]).filter(lately).slice(0, MAX_GATEWAYS))
  }

  #mayWrite(now: number): boolean {
    const second = Math.floor(now / 1000)
    if (second !== this.#second) this.#writes = 0
    this.#second = second
    return ++this.#writes <= WRITES_PER_SECOND
  }
}

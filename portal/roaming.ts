import { GatepostError } from '../common/errors.ts'
import { normalMac } from '../common/mac.ts'
import type { AccessLog } from '../access/log.ts'
import { SUBJECTS, type RoamingSession } from '../access/subjects.ts'
import type { Admitted, AskedToRoam, RoamingSessions } from '../ingest/guest-portal.ts'
import type { LoginMethodName } from './method.ts'
import type { Grant, PortalSession, Sessions } from './sessions.ts'

/*
 * `stage=roam` of wifidog-ng 2: a client appears at a gateway without a token, and the gateway asks for one. A forged request would let its
 * sender in as another device, so only gateways registered with their sources are answered, and only for a device with a running session.
 */

export interface RoamingOptions {
  readonly access: AccessLog
  readonly sessions: Sessions
}

/** Lets sessions follow their device to other gateways of the installation. */
export class Roaming implements RoamingSessions {
  readonly #options: RoamingOptions

  constructor(options: RoamingOptions) {
    this.#options = options
  }

  /** Called when a session begins. A session with an unconfirmed account does not roam. @throws GatepostError LOG_UNAVAILABLE */
  async begun({ method, account, validateBy, now }: Grant, { sessionId, ends, mac }: PortalSession): Promise<void> {
    if (mac === '' || validateBy !== null) return
    const data = { sessionId, account, method } satisfies RoamingSession
    const entry = { verdict: 'allow', reason: '', until: ends, updatedAt: now, data } as const
    await this.#options.access.put(SUBJECTS.roaming.of(mac), entry)
  }

  async admit({ gwId, ip, mac: sent, remoteIp }: AskedToRoam, now: number): Promise<Admitted | null> {
    const { access, sessions } = this.#options
    const mac = normalMac(sent)
    const entry = mac === '' || !access.known ? undefined : access.get(SUBJECTS.roaming.of(mac), now)
    if (entry === undefined || entry.until === null) return null
    const { sessionId, account, method } = SUBJECTS.roaming.dataOf(entry) as RoamingSession
    if (sessions.denial({ sessionId, ends: entry.until, mac, gwId, account }, now) !== null) return null
    const redirect = { gwId, gwAddress: '', gwPort: '', ip, mac, url: '' }
    const grant: Grant = {
      method: method as LoginMethodName,
      account,
      until: entry.until,
      validateBy: null,
      redirect,
      remoteIp,
      now,
    }
    try {
      const issued = await sessions.issue(grant)
      if (issued !== null) await this.begun(grant, issued.session)
      return issued === null
        ? null
        : { token: issued.token, sessionId: issued.session.sessionId, ends: issued.session.ends, mac }
    } catch (error) {
      if (error instanceof GatepostError && error.code === 'LOG_UNAVAILABLE') return null
      throw error
    }
  }
}

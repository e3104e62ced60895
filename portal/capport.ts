import { makeAnswer, NOT_FOUND, type Answer } from '../ingest/http.ts'
import type { RegisteredGateway } from '../access/registration.ts'
import type { SubjectData } from '../access/subject-data.ts'
import { SUBJECTS } from '../access/subjects.ts'
import type { PortalSession, Sessions } from './sessions.ts'

/*
 * The captive portal API (RFC 8908): a device asks `/capport/api/<gw_id>` whether it is captive. The device is identified by its address
 * alone, so only gateways registered as routed are answered: behind NAT all devices of a site have the gateway's address, and a wrong
 * "captive": true would keep phones from using a network that lets them through.
 */

export interface CaptiveApiOptions {
  readonly data: SubjectData
  readonly sessions: Sessions
  readonly registration: (gwId: string, now: number) => RegisteredGateway | null
  /** The operator's page for guests of a gateway; null: none. */
  readonly landing: (gwId: string, now: number) => string | null
}

/** The request of a device. */
export interface CaptiveQuestion {
  readonly path: string
  readonly host: string
  readonly remoteIp: string
  readonly secure: boolean
  readonly now: number
}

const PATH = /^(.*)\/capport\/api\/([^/]+)\/?$/

export class CaptiveApi {
  readonly #options: CaptiveApiOptions

  constructor(options: CaptiveApiOptions) {
    this.#options = options
  }

  /** Over HTTPS (RFC 8908, 4) and for routed gateways only; otherwise 404. */
  get({ path, host, remoteIp, secure, now }: CaptiveQuestion): Answer {
    const [, prefix, id] = PATH.exec(path) ?? []
    const gwId = decoded(id ?? '')
    if (!secure || gwId === '' || !isHost(host) || this.#options.registration(gwId, now)?.routed !== true)
      return NOT_FOUND
    // A registration was found, so the access log has been read.
    const session = this.#session(gwId, remoteIp, now)
    const venue = this.#options.landing(gwId, now)
    const query = new URLSearchParams({ gw_id: gwId, ip: remoteIp }).toString()
    const state = {
      captive: session === null,
      'user-portal-url': `https://${host}${encodeURI(prefix).replace(/^\/+/, '/')}/login/?${query}`,
      ...(session === null ? {} : { 'seconds-remaining': Math.ceil((session.ends - now) / 1000) }),
      'can-extend-session': true,
      ...(venue === null ? {} : { 'venue-info-url': venue }),
    }
    return makeAnswer('capport', 200, JSON.stringify(state), {
      contentType: 'application/captive+json',
      headers: [['Cache-Control', 'private']],
    })
  }

  /** Remembers which session an address belongs to, if its gateway is routed. */
  async remember(gwId: string, ip: string, session: PortalSession, now: number): Promise<void> {
    if (ip === '' || this.#options.registration(gwId, now)?.routed !== true) return
    await this.#options.data.put(SUBJECTS.captiveSession, { ip, gwId }, session, session.ends)
  }

  /** The session of a device behind a routed gateway, also if it was denied; null: none is known. */
  sessionAt(gwId: string, ip: string, now: number): PortalSession | null {
    if (ip === '' || this.#options.registration(gwId, now)?.routed !== true) return null
    const session = this.#options.data.get(SUBJECTS.captiveSession, { ip, gwId }, now)
    return session === undefined || session.ends <= now ? null : session
  }

  #session(gwId: string, ip: string, now: number): PortalSession | null {
    const session = this.sessionAt(gwId, ip, now)
    return session !== null && this.#options.sessions.denial(session, now) === null ? session : null
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/** Whether a Host header is safe to put into a URL. */
function isHost(text: string): boolean {
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(text)
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/*
 * The gateway passes only gw_id and token to portal/ and gw_message. The rest of what the login page knew travels in a cookie of this
 * server:
 *
 *  gatepost_portal = payload "." mac      payload = base64url(JSON array)      mac = base64url(HMAC-SHA-256(key, payload))
 *
 * host-only, HttpOnly, SameSite=Lax. Both parts write "~" for "P", so that no header ever contains the word "Pong", which gateways search
 * for anywhere in an answer.
 */

export const COOKIE_NAME = 'gatepost_portal'

/** Browsers drop cookies above 4,096 bytes, including name and attributes. */
const MAX_COOKIE_CHARACTERS = 3800
const MAC_CHARACTERS = 43

/** The state of a login. */
export interface PortalState {
  /** Random; the form's proof is derived from it. */
  readonly nonce: string
  /** Of the issued token; empty: none yet. */
  readonly sessionId: string
  readonly gwId: string
  /** As the gateway sent it; it is validated again at every use. */
  readonly gwAddress: string
  readonly gwPort: string
  readonly mac: string
  readonly url: string
  /** The account that logged in; empty: none. */
  readonly account: string
  /** When the session ends, ms since the epoch; 0: not known, since an earlier version wrote the cookie. */
  readonly ends: number
}

/** What a ticket is good for: a form, for a client of a gateway. */
export interface TicketOf {
  /** `login`, or `logout` and the session. */
  readonly purpose: string
  readonly gwId: string
  readonly mac: string
  readonly remoteIp: string
}

/** How long a page may be open in a browser without cookies. */
const TICKET_SECONDS = 600

export function newNonce(): string {
  return randomBytes(16).toString('hex')
}

/** Writes and reads the cookie, and the proof that a form was loaded with it. */
export class PortalCookies {
  readonly #key: Buffer
  readonly #maxAgeSeconds: number

  constructor(secret: string, maxAgeMs: number) {
    this.#key = createHmac('sha256', secret).update('gatepost: key of the portal cookie').digest()
    this.#maxAgeSeconds = Math.ceil(maxAgeMs / 1000)
  }

  /** A Set-Cookie header. A url that does not fit is left out. `secure`: the client used HTTPS. */
  header(state: PortalState, now: number, secure: boolean): string {
    let value = this.#seal(state, now)
    if (value.length > MAX_COOKIE_CHARACTERS) value = this.#seal({ ...state, url: '' }, now)
    // A session may be longer than the portal's longest, by its voucher.
    const seconds = Math.max(this.#maxAgeSeconds, Math.ceil((state.ends - now) / 1000))
    const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
    return `${COOKIE_NAME}=${value}; ${attributes}`
  }

  /** Reads a Cookie header; null: the cookie is missing, forged, damaged or expired. */
  read(cookieHeader: string, now: number): PortalState | null {
    const value = this.#valueIn(cookieHeader)
    return value === null ? null : this.#open(value, now)
  }

  /** Whether the browser sends the cookie, in whatever state it is. */
  isSent(cookieHeader: string): boolean {
    return this.#valueIn(cookieHeader) !== null
  }

  #valueIn(cookieHeader: string): string | null {
    for (let start = 0; start < cookieHeader.length;) {
      const semicolon = cookieHeader.indexOf(';', start)
      const end = semicolon < 0 ? cookieHeader.length : semicolon
      const pair = cookieHeader.slice(start, end).trim()
      if (pair.startsWith(`${COOKIE_NAME}=`)) return pair.slice(COOKIE_NAME.length + 1)
      start = end + 1
    }
    return null
  }

  /** A hidden field of every form: another site that submits the form knows neither the cookie nor this. */
  formProof({ nonce }: PortalState): string {
    return encode(this.#mac(`form:${nonce}`))
  }

  provesForm(state: PortalState, proof: string): boolean {
    return same(Buffer.from(this.formProof(state)), Buffer.from(proof))
  }

  /**
   * Proves a form of a browser that refuses cookies: it was made here, lately, for this client of this gateway. Somebody else who asks for such a
   * form could as well log in for that client (docs/decisions/027-without-cookies.md).
   */
  ticket(of: TicketOf, now: number): string {
    const issued = Math.floor(now / 1000)
    return `${issued}.${encode(this.#mac(ticketText(of, issued)))}`
  }

  provesTicket(of: TicketOf, ticket: string, now: number): boolean {
    const [issued, mac = ''] = ticket.split('.')
    if (!/^\d{1,12}$/.test(issued) || Math.abs(now / 1000 - Number(issued)) > TICKET_SECONDS) return false
    return same(Buffer.from(encode(this.#mac(ticketText(of, Number(issued))))), Buffer.from(mac))
  }

  #seal(state: PortalState, now: number): string {
    const fields = [
      Math.floor(now / 1000),
      state.nonce,
      state.sessionId,
      state.gwId,
      state.gwAddress,
      state.gwPort,
      state.mac,
      state.url,
      state.account,
      state.ends,
    ]
    const payload = encode(Buffer.from(JSON.stringify(fields)))
    return `${payload}.${encode(this.#mac(`cookie:${payload}`))}`
  }

  #open(value: string, now: number): PortalState | null {
    if (value.length > MAX_COOKIE_CHARACTERS) return null
    const dot = value.length - MAC_CHARACTERS - 1
    if (dot < 1 || value[dot] !== '.') return null
    const payload = value.slice(0, dot)
    if (!same(Buffer.from(value.slice(dot + 1)), Buffer.from(encode(this.#mac(`cookie:${payload}`))))) return null
    // The MAC is valid, so this was written by #seal().
    const fields = JSON.parse(Buffer.from(payload.replaceAll('~', 'P'), 'base64url').toString('utf8')) as string[]
    const [issued, nonce, sessionId, gwId, gwAddress, gwPort, mac, url, account, ends = 0] = fields
    if (now / 1000 - Number(issued) > this.#maxAgeSeconds && Number(ends) <= now) return null
    return { nonce, sessionId, gwId, gwAddress, gwPort, mac, url, account, ends: Number(ends) }
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}

function ticketText({ purpose, gwId, mac, remoteIp }: TicketOf, issued: number): string {
  return `ticket:${JSON.stringify([issued, purpose, gwId, mac, remoteIp])}`
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64url').replaceAll('P', '~')
}

/** Compares in constant time. */
function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

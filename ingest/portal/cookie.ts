import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/*
 * The gateway tells portal/ and gw_message only gw_id and token. What the login page knew besides travels in a cookie of this server:
 *
 *   gatepost_portal = payload "." mac      payload = base64url(JSON array)      mac = base64url(HMAC-SHA-256(key, payload))
 *
 * host-only, HttpOnly, SameSite=Lax. In both parts "P" is written "~", so that no header ever holds the word "Pong", which a gateway
 * looks for anywhere in an answer.
 */

export const COOKIE_NAME = 'gatepost_portal'

/** Browsers drop cookies of more than 4,096 bytes, name and attributes included. */
const MAX_COOKIE_CHARACTERS = 3800
const MAC_CHARACTERS = 43

/** What the login page knew. */
export interface PortalState {
  /** Random; the form's own proof is made from it. */
  readonly nonce: string
  /** Of the token that was issued; empty: none yet. */
  readonly sessionId: string
  readonly gwId: string
  /** As the gateway sent it: it is judged again whenever it is used. */
  readonly gwAddress: string
  readonly gwPort: string
  readonly mac: string
  readonly url: string
  /** Who logged in; empty: nobody in particular. */
  readonly account: string
}

export function newNonce(): string {
  return randomBytes(16).toString('hex')
}

/** Makes and reads the cookie, and the proof that a form was got with it. */
export class PortalCookies {
  readonly #key: Buffer
  readonly #maxAgeSeconds: number

  constructor(secret: string, maxAgeMs: number) {
    this.#key = createHmac('sha256', secret).update('gatepost: key of the portal cookie').digest()
    this.#maxAgeSeconds = Math.ceil(maxAgeMs / 1000)
  }

  /** A Set-Cookie header. A url that does not fit is left out. `secure`: the client came by HTTPS. */
  header(state: PortalState, now: number, secure: boolean): string {
    let value = this.#seal(state, now)
    if (value.length > MAX_COOKIE_CHARACTERS) value = this.#seal({ ...state, url: '' }, now)
    const attributes = `Path=/; Max-Age=${this.#maxAgeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
    return `${COOKIE_NAME}=${value}; ${attributes}`
  }

  /** From a Cookie header; null: there is none, or it is not as it was made, or too old. */
  read(cookieHeader: string, now: number): PortalState | null {
    for (const pair of cookieHeader.split(';')) {
      const [name, ...value] = pair.trim().split('=')
      if (name === COOKIE_NAME) return this.#open(value.join('='), now)
    }
    return null
  }

  /** What a form carries: whoever sends it from another site knows neither the cookie nor this. */
  formProof({ nonce }: PortalState): string {
    return encode(this.#mac(`form:${nonce}`))
  }

  provesForm(state: PortalState, proof: string): boolean {
    return same(Buffer.from(this.formProof(state)), Buffer.from(proof))
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
    // From here on it is what #seal() wrote.
    const fields = JSON.parse(Buffer.from(payload.replaceAll('~', 'P'), 'base64url').toString('utf8')) as string[]
    const [issued, nonce, sessionId, gwId, gwAddress, gwPort, mac, url, account] = fields
    if (now / 1000 - Number(issued) > this.#maxAgeSeconds) return null
    return { nonce, sessionId, gwId, gwAddress, gwPort, mac, url, account }
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest()
  }
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64url').replaceAll('P', '~')
}

/** In constant time. */
function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

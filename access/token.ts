import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeBase62, encodeBase62 } from './base62.ts'

/*
 * Tokens issued by the portal. They are self-contained, so any worker can decide without asking another. All numbers are big-endian:
 *
 *  key      1   which secret: the first byte of a digest of it
 *  session  8   random
 *  issued   4   seconds since the epoch
 *  use      3   seconds after issued within which the first login must happen
 *  end      4   seconds after issued when the session ends
 *  valid    3   seconds after issued within which the account must be confirmed; 0: no confirmation needed
 *  mac      6   the client's; zeros: the first client that logs in
 *  gateway  4   keyed tag of gw_id
 *  account  4   keyed tag of the account's name; zeros: none
 *  mac     10   HMAC-SHA-256 of all preceding bytes, truncated
 *
 * 47 bytes are 64 characters of base62: gateways accept letters and digits only.
 */

const BODY_BYTES = 37
const TOKEN_BYTES = 47
const TOKEN_CHARACTERS = 64

/** The content of a token. Times are ms since the epoch. */
export interface Token {
  /** 16 hexadecimal digits. */
  readonly sessionId: string
  readonly issued: number
  readonly useBy: number
  readonly end: number
  /** Null: no confirmation needed. */
  readonly confirmBy: number | null
  /** In the normal form; empty: the first client that logs in. */
  readonly mac: string
  readonly gatewayTag: number
  /** 0: no account. */
  readonly accountTag: number
}

/** What to put into a new token; durations in ms. */
export interface TokenRequest {
  readonly now: number
  readonly useWithinMs: number
  readonly sessionMaxMs: number
  /** Null: the account is confirmed already, or there is no account. */
  readonly confirmWithinMs: number | null
  /** In the normal form; empty if unknown. */
  readonly mac: string
  readonly gwId: string
  /** Empty: none. */
  readonly account: string
}

class Key {
  readonly id: number
  readonly #secret: string

  constructor(secret: string) {
    this.#secret = secret
    this.id = this.#digest('token key id', '')[0]
  }

  sign(body: Buffer): Buffer {
    return createHmac('sha256', this.#secret)
      .update('token:')
      .update(body)
      .digest()
      .subarray(0, TOKEN_BYTES - BODY_BYTES)
  }

  tag(kind: string, value: string): number {
    return this.#digest(`token ${kind}`, value).readUInt32BE(0)
  }

  #digest(purpose: string, value: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${purpose}:`).update(value).digest()
  }
}

/** Issues and verifies tokens of an installation. */
export class Tokens {
  readonly #keys: readonly Key[]

  /** The first secret signs; tokens signed with the others stay valid until they end. */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => new Key(secret))
  }

  issue(request: TokenRequest): { readonly text: string; readonly token: Token } {
    const [key] = this.#keys
    const { now, useWithinMs, sessionMaxMs, confirmWithinMs, mac, gwId, account } = request
    const issued = Math.floor(now / 1000)
    const body = Buffer.alloc(BODY_BYTES)
    body.writeUInt8(key.id, 0)
    randomBytes(8).copy(body, 1)
    body.writeUInt32BE(issued, 9)
    body.writeUIntBE(seconds(useWithinMs, 3), 13, 3)
    body.writeUInt32BE(seconds(sessionMaxMs, 4), 16)
    body.writeUIntBE(confirmWithinMs === null ? 0 : Math.max(1, seconds(confirmWithinMs, 3)), 20, 3)
    Buffer.from(mac.replaceAll('-', ''), 'hex').copy(body, 23)
    body.writeUInt32BE(key.tag('gateway', gwId), 29)
    // Zero means no account, so a tag of zero becomes 1: it collides with one other tag of 2^32.
    body.writeUInt32BE(account === '' ? 0 : key.tag('account', account) || 1, 33)
    return { text: encodeBase62(Buffer.concat([body, key.sign(body)]), TOKEN_CHARACTERS), token: parse(body) }
  }

  /** Null: this installation did not issue the token. Takes the same time whatever is wrong with it. */
  verify(text: string): Token | null {
    if (text.length !== TOKEN_CHARACTERS) return null
    const bytes = decodeBase62(text, TOKEN_BYTES)
    if (bytes === null) return null
    const body = bytes.subarray(0, BODY_BYTES)
    const signature = bytes.subarray(BODY_BYTES)
    for (const key of this.#keys) {
      if (key.id === body[0] && timingSafeEqual(key.sign(body), signature)) return parse(body)
    }
    return null
  }

  /** Whether a token may be used at this gateway. */
  isOfGateway(token: Token, gwId: string): boolean {
    return this.#keys.some((key) => key.tag('gateway', gwId) === token.gatewayTag)
  }

  /** The tags under which tokens name this account. */
  accountTags(account: string): number[] {
    return this.#keys.map((key) => key.tag('account', account) || 1)
  }

  gatewayTags(gwId: string): number[] {
    return this.#keys.map((key) => key.tag('gateway', gwId))
  }
}

function seconds(ms: number, bytes: number): number {
  return Math.min(Math.floor(ms / 1000), 2 ** (8 * bytes) - 1)
}

function parse(body: Buffer): Token {
  const issued = body.readUInt32BE(9) * 1000
  const confirm = body.readUIntBE(20, 3)
  const mac = body.subarray(23, 29).toString('hex').toUpperCase()
  return {
    sessionId: body.toString('hex', 1, 9),
    issued,
    useBy: issued + body.readUIntBE(13, 3) * 1000,
    end: issued + body.readUInt32BE(16) * 1000,
    confirmBy: confirm === 0 ? null : issued + confirm * 1000,
    mac: mac === '000000000000' ? '' : (mac.match(/../g) ?? []).join('-'),
    gatewayTag: body.readUInt32BE(29),
    accountTag: body.readUInt32BE(33),
  }
}

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeBase62 } from './base62.ts'
import { decodeToken, encodeToken, pack, rounded, TOKEN_CHARACTERS, type TokenBody } from './token-format.ts'

/*
 * Tokens issued by the portal. They are self-contained, so any worker can decide without asking another: token-format.ts has their form. Only
 * the account is not in them: the access log has it under the session.
 *
 * Tokens of version 0.1 have 64 characters and stay valid until they end. All numbers are big-endian:
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
 */

const FIRST_BODY_BYTES = 37
const FIRST_BYTES = 47
const FIRST_CHARACTERS = 64

/** Tags of the two formats must not be taken for each other. */
const SHORT_TAGS = 2 ** 32

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
  /** It has the form of version 0.1, which did not record the first use. */
  readonly isOfFirstForm: boolean
  readonly hasAccount: boolean
  /** 0: no account, or it is in the access log under the session. */
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

  /** Of a token of version 0.1. */
  signFirst(body: Buffer): Buffer {
    const hmac = createHmac('sha256', this.#secret).update('token:').update(body)
    return hmac.digest().subarray(0, FIRST_BYTES - FIRST_BODY_BYTES)
  }

  /** The signature of a body and its client, and the session's id, which reveals nothing about the signature. */
  sign(body: bigint, mac: string): { readonly signature: bigint; readonly sessionId: string } {
    const digest = this.#digest('token 2', `${body} ${mac}`)
    return { signature: digest.readBigUInt64BE(0), sessionId: digest.toString('hex', 8, 16) }
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
    const fields = rounded({
      issued: Math.floor(now / 1000),
      end: Math.floor(sessionMaxMs / 1000),
      use: Math.floor(useWithinMs / 1000),
      confirm: confirmWithinMs === null ? 0 : Math.max(1, Math.floor(confirmWithinMs / 1000)),
      gateway: key.tag('gateway', gwId) >>> 16,
      isBound: mac !== '',
      hasAccount: account !== '',
      random: randomBytes(4).readUInt32BE(0) >>> 4,
    })
    const bits = pack(fields)
    const { signature, sessionId } = key.sign(bits, mac)
    return { text: encodeToken(bits, signature), token: tokenOf(fields, sessionId, mac) }
  }

  /**
   * Null: this installation did not issue the token, or issued it for another client. Takes the same time whatever is wrong with it.
   * @param mac the client that shows the token, in the normal form; empty: not known, so that only a token without a client is valid
   */
  verify(text: string, mac: string): Token | null {
    if (text.length === FIRST_CHARACTERS) return this.#verifyFirst(text)
    const decoded = text.length === TOKEN_CHARACTERS ? decodeToken(text) : null
    if (decoded === null) return null
    const { fields, bits, signature } = decoded
    const client = fields.isBound ? mac : ''
    if (fields.isBound && client === '') return null
    for (const key of this.#keys) {
      const signed = key.sign(bits, client)
      if (same(signed.signature, signature)) return tokenOf(fields, signed.sessionId, client)
    }
    return null
  }

  #verifyFirst(text: string): Token | null {
    const bytes = decodeBase62(text, FIRST_BYTES)
    if (bytes === null) return null
    const body = bytes.subarray(0, FIRST_BODY_BYTES)
    const signature = bytes.subarray(FIRST_BODY_BYTES)
    for (const key of this.#keys) {
      if (key.id === body[0] && timingSafeEqual(key.signFirst(body), signature)) return parseFirst(body)
    }
    return null
  }

  /** Whether a token may be used at this gateway. */
  isOfGateway(token: Token, gwId: string): boolean {
    return this.gatewayTags(gwId).includes(token.gatewayTag)
  }

  /** The tags under which tokens of version 0.1 name this account. */
  accountTags(account: string): number[] {
    return this.#keys.map((key) => key.tag('account', account) || 1)
  }

  gatewayTags(gwId: string): number[] {
    return this.#keys.flatMap((key) => {
      const tag = key.tag('gateway', gwId)
      return [tag, SHORT_TAGS + (tag >>> 16)]
    })
  }
}

/** Compares in constant time. */
function same(a: bigint, b: bigint): boolean {
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64BE(a, 0)
  bytes.writeBigUInt64BE(b, 8)
  return timingSafeEqual(bytes.subarray(0, 8), bytes.subarray(8))
}

function tokenOf(fields: TokenBody, sessionId: string, mac: string): Token {
  const issued = fields.issued * 1000
  return {
    sessionId,
    issued,
    useBy: issued + fields.use * 1000,
    end: issued + fields.end * 1000,
    confirmBy: fields.confirm === 0 ? null : issued + fields.confirm * 1000,
    mac,
    gatewayTag: SHORT_TAGS + fields.gateway,
    isOfFirstForm: false,
    hasAccount: fields.hasAccount,
    accountTag: 0,
  }
}

function parseFirst(body: Buffer): Token {
  const issued = body.readUInt32BE(9) * 1000
  const confirm = body.readUIntBE(20, 3)
  const mac = body.subarray(23, 29).toString('hex').toUpperCase()
  const accountTag = body.readUInt32BE(33)
  return {
    sessionId: body.toString('hex', 1, 9),
    issued,
    useBy: issued + body.readUIntBE(13, 3) * 1000,
    end: issued + body.readUInt32BE(16) * 1000,
    confirmBy: confirm === 0 ? null : issued + confirm * 1000,
    mac: mac === '000000000000' ? '' : (mac.match(/../g) ?? []).join('-'),
    gatewayTag: body.readUInt32BE(29),
    isOfFirstForm: true,
    hasAccount: accountTag !== 0,
    accountTag,
  }
}

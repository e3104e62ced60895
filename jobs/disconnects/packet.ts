import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { ipv6Groups } from '../../common/ip-address.ts'

/*
 * Disconnect-Request and its answers (RFC 5176; the form is that of RFC 2865, section 3):
 *
 *  packet:    code (1), identifier (1), length (2, of all), authenticator (16), attributes
 *  attribute: type (1), length (1, of all three), value
 */

const DISCONNECT_REQUEST = 40
const DISCONNECT_ACK = 41
const DISCONNECT_NAK = 42

const AUTHENTICATOR_AT = 4
const AUTHENTICATOR_BYTES = 16
const HEADER_BYTES = AUTHENTICATOR_AT + AUTHENTICATOR_BYTES
const MAX_VALUE_BYTES = 253

const MESSAGE_AUTHENTICATOR = 80
const ERROR_CAUSE = 101
const EVENT_TIMESTAMP = 55

/** Attributes that tell a NAS which session, and that it is meant. */
const TYPES = {
  'User-Name': 1,
  'NAS-IP-Address': 4,
  'Framed-IP-Address': 8,
  'Calling-Station-Id': 31,
  'NAS-Identifier': 32,
  'Acct-Session-Id': 44,
  'Acct-Multi-Session-Id': 50,
  'NAS-IPv6-Address': 95,
} as const
export type AttributeName = keyof typeof TYPES

/** A value that is empty, longer than an attribute may be, or no address where one belongs, is left out: see isSendable(). */
export type Attributes = Readonly<Partial<Record<AttributeName, string>>>

/** What a NAS answered. */
export interface Answer {
  readonly acknowledged: boolean
  /** Error-Cause (RFC 5176, section 3.5): 503 says that the NAS has no such session. Null: not sent. */
  readonly errorCause: number | null
}

/**
 * A packet to send as it is, as often as needed: a repetition is recognised by its identifier and authenticator (RFC 5176, section 2.3).
 * @param now becomes Event-Timestamp, by which a NAS refuses packets that were recorded earlier; ms since the epoch
 */
export function disconnectRequest(attributes: Attributes, secret: string, identifier: number, now: number): Buffer {
  const body: Buffer[] = [attribute(MESSAGE_AUTHENTICATOR, Buffer.alloc(AUTHENTICATOR_BYTES))]
  for (const [name, text] of Object.entries(attributes) as [AttributeName, string][]) {
    const value = valueOf(name, text)
    if (value !== null) body.push(attribute(TYPES[name], value))
  }
  const timestamp = Buffer.alloc(4)
  timestamp.writeUInt32BE(Math.floor(now / 1000))
  body.push(attribute(EVENT_TIMESTAMP, timestamp))
  const packet = Buffer.concat([Buffer.alloc(HEADER_BYTES), ...body])
  packet[0] = DISCONNECT_REQUEST
  packet[1] = identifier
  packet.writeUInt16BE(packet.length, 2)
  // RFC 5176, section 3.4: the Message-Authenticator is computed first, with an authenticator of zeros.
  hmac(packet, secret).copy(packet, HEADER_BYTES + 2)
  hash(packet, secret).copy(packet, AUTHENTICATOR_AT)
  return packet
}

/** @returns null: it is no answer to this request, or was made without the secret */
export function readAnswer(answer: Buffer, request: Buffer, secret: string): Answer | null {
  if (answer.length < HEADER_BYTES || answer[1] !== request[1]) return null
  const length = answer.readUInt16BE(2)
  if (length < HEADER_BYTES || length > answer.length) return null
  if (answer[0] !== DISCONNECT_ACK && answer[0] !== DISCONNECT_NAK) return null
  const packet = Buffer.from(answer.subarray(0, length))
  const authenticator = Buffer.from(packet.subarray(AUTHENTICATOR_AT, HEADER_BYTES))
  request.copy(packet, AUTHENTICATOR_AT, AUTHENTICATOR_AT, HEADER_BYTES)
  if (!timingSafeEqual(hash(packet, secret), authenticator)) return null
  let errorCause: number | null = null
  for (let at = HEADER_BYTES; at < length; at += packet[at + 1]) {
    const value = packet.subarray(at + 2, at + packet[at + 1])
    if (at + 2 > length || packet[at + 1] < 2 || at + packet[at + 1] > length) return null
    if (packet[at] === ERROR_CAUSE && value.length === 4) errorCause = value.readUInt32BE(0)
    if (packet[at] === MESSAGE_AUTHENTICATOR && !isAuthentic(packet, value, secret)) return null
  }
  return { acknowledged: packet[0] === DISCONNECT_ACK, errorCause }
}

/** Whether the packet will have the attribute. */
export function isSendable(name: AttributeName, text: string): boolean {
  return valueOf(name, text) !== null
}

function attribute(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, value.length + 2]), value])
}

function valueOf(name: AttributeName, text: string): Buffer | null {
  if (name === 'NAS-IP-Address' || name === 'Framed-IP-Address')
    return isIPv4(text) ? Buffer.from(text.split('.').map(Number)) : null
  if (name === 'NAS-IPv6-Address')
    return isIPv6(text) ? Buffer.from(ipv6Groups(text).flatMap((group) => [group >> 8, group & 255])) : null
  const value = Buffer.from(text)
  return value.length === 0 || value.length > MAX_VALUE_BYTES ? null : value
}

function hash(packet: Buffer, secret: string): Buffer {
  return createHash('md5').update(packet).update(secret).digest()
}

function hmac(packet: Buffer, secret: string): Buffer {
  return createHmac('md5', secret).update(packet).digest()
}

/** @param value the Message-Authenticator within the packet, which has the authenticator of the request */
function isAuthentic(packet: Buffer, value: Buffer, secret: string): boolean {
  if (value.length !== AUTHENTICATOR_BYTES) return false
  const sent = Buffer.from(value)
  value.fill(0)
  const isRight = timingSafeEqual(hmac(packet, secret), sent)
  sent.copy(value)
  return isRight
}

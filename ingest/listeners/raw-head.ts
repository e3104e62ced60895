import { isUtf8 } from 'node:buffer'
import { IncomingMessage, METHODS, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'

/*
 * Requests whose head Node.js refuses to parse. Some gateways write names into the request line as they are: SSIDs with spaces, letters in UTF-8
 * or Latin-1 (apfree before 9.07, forks). If such a gateway got 400, it would take its server for dead and change its firewall for everybody.
 *
 *  head = method SP target SP "HTTP/1." digit line-end *( header line-end ) [ line-end ]
 *
 * The target is everything between the first space and the last one before the version.
 */
const REQUEST_LINE = /^([A-Z-]{1,16}) +(\S(?:.*[^ ])?) +HTTP\/1\.([01])\r?$/s

/** Node.js counts a longer head as too large. */
export const HEAD_MAX_BYTES = 16 * 1024

export interface RawHead {
  readonly message: IncomingMessage
  /** Where the body begins. */
  readonly length: number
}

/**
 * Reads a head that Node.js could not parse, percent-encoding what may not be in a target. Headers that are not valid count as not sent.
 * @param bytes must begin with the request line
 * @param isAll nothing more comes: a GET or HEAD is read as far as its headers have come
 * @returns 'unfinished': more bytes are needed; 'line': the request line of a GET or HEAD is there, its headers are not; null: it is none
 */
export function readRawHead(bytes: Buffer, socket: Socket, isAll: boolean): RawHead | 'unfinished' | 'line' | null {
  const lineEnd = bytes.indexOf('\n')
  if (lineEnd < 0) return 'unfinished'
  const match = lineEnd > HEAD_MAX_BYTES ? null : REQUEST_LINE.exec(bytes.toString('latin1', 0, lineEnd))
  if (match === null) return null
  const [, method, target, minor] = match
  if (!METHODS.includes(method)) return null
  const headEnd = endOfHead(bytes, lineEnd + 1)
  const hasNoBody = method === 'GET' || method === 'HEAD'
  if (headEnd < 0 && !(isAll && hasNoBody)) return hasNoBody ? 'line' : 'unfinished'
  const message = new IncomingMessage(socket)
  message.method = method
  message.url = encodedTarget(Buffer.from(target, 'latin1'))
  message.httpVersion = `1.${minor}`
  message.httpVersionMajor = 1
  message.httpVersionMinor = Number(minor)
  const length = headEnd < 0 ? bytes.length : headEnd
  message.headers = headersOf(bytes.toString('latin1', lineEnd + 1, Math.min(length, HEAD_MAX_BYTES)))
  return { message, length }
}

/** The index after the empty line; -1: it has not come. */
function endOfHead(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length;) {
    const lineEnd = bytes.indexOf('\n', at)
    if (lineEnd < 0) return -1
    if (lineEnd === at || (lineEnd === at + 1 && bytes[at] === 0x0d)) return lineEnd + 1
    at = lineEnd + 1
  }
  return -1
}

/** Letters that are not valid UTF-8 are Latin-1, the other encoding that gateways have. */
function encodedTarget(bytes: Buffer): string {
  const text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
  return text.replace(/[^\u0021-\u007e]/gu, encodeURIComponent)
}

/** Of several headers of one name, the values are joined as Node.js does it. */
function headersOf(text: string): IncomingHttpHeaders {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (const line of text.split(/\r?\n/)) {
    if (line === '') break
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = name in headers ? `${headers[name]}${name === 'cookie' ? '; ' : ', '}${value}` : value
  }
  return headers
}

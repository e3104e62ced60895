import { isUtf8 } from 'node:buffer'
import { IncomingMessage, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'

/*
 * Requests whose head Node.js refuses to parse. Some gateways write names into the request line as they are: SSIDs with spaces, letters in UTF-8
 * or Latin-1 (apfree before 9.07, forks). If such a gateway got 400, it would take its server for dead and change its firewall for everybody.
 *
 *  head = method SP target SP "HTTP/1." digit line-end *( header line-end ) [ line-end ]
 *
 * The target is everything between the first space and the last one before the version.
 */
const REQUEST_LINE = /^(GET|HEAD) +(\S.*?) +HTTP\/1\.([01])\r?$/s

/** Node.js counts a longer head as too large. */
const HEAD_MAX_BYTES = 16 * 1024

/**
 * Reads a request without a body from the packet that Node.js could not parse, percent-encoding what may not be in a target.
 * @param packet must begin with the request line, and hold all of it; headers that it does not hold count as not sent
 * @returns null: it is none
 */
export function readRawHead(packet: Buffer, socket: Socket): IncomingMessage | null {
  const lineEnd = packet.indexOf('\n')
  if (lineEnd < 0 || lineEnd > HEAD_MAX_BYTES) return null
  const match = REQUEST_LINE.exec(packet.toString('latin1', 0, lineEnd))
  if (match === null) return null
  const [, method, target, minor] = match
  const request = new IncomingMessage(socket)
  request.method = method
  request.url = encodedTarget(Buffer.from(target, 'latin1'))
  request.httpVersion = `1.${minor}`
  request.httpVersionMajor = 1
  request.httpVersionMinor = Number(minor)
  request.headers = headersOf(packet.toString('latin1', lineEnd + 1, HEAD_MAX_BYTES))
  request.complete = true
  request.push(null)
  return request
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

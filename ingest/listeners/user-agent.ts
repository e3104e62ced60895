/** Characters of a User-Agent that are kept. */
const MAX_CHARACTERS = 256

const BEYOND_ASCII = /[\u0080-\u00ff]/

/** The User-Agent header as it was sent: both servers decode bytes as Latin-1, but bytes beyond ASCII are UTF-8. */
export function userAgentText(header: string): string {
  const text = BEYOND_ASCII.test(header) ? Buffer.from(header, 'latin1').toString('utf8') : header
  return text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text
}

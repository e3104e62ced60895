/** A User-Agent is kept up to this many characters. */
const MAX_CHARACTERS = 256

const BEYOND_ASCII = /[\u0080-\u00ff]/

/** A User-Agent header as it was sent: both servers give its bytes as Latin-1, and what is beyond ASCII is UTF-8. */
export function userAgentText(header: string): string {
  const text = BEYOND_ASCII.test(header) ? Buffer.from(header, 'latin1').toString('utf8') : header
  return text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text
}

/** Size of the cache of address texts; when full, it is cleared, since entries are cheap to rebuild. */
const MAX_ADDRESSES = 65536

const texts = new Map<number, string>()

/** The text of a binary address from uWebSockets: 4 bytes, or 16, which may be an IPv4-mapped address. */
export function addressText(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address)
  const offset = bytes.length === 4 ? 0 : isMapped(bytes) ? 12 : -1
  if (offset < 0) return bytes.length === 16 ? ipv6Text(bytes) : ''
  const key = (bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]
  let text = texts.get(key)
  if (text === undefined) {
    text = `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`
    if (texts.size >= MAX_ADDRESSES) texts.clear()
    texts.set(key, text)
  }
  return text
}

function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false
  return true
}

function ipv6Text(bytes: Uint8Array): string {
  const groups: string[] = []
  for (let index = 0; index < 16; index += 2) groups.push(((bytes[index] << 8) | bytes[index + 1]).toString(16))
  // new URL() compresses zeros as RFC 5952 requires.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** One LZ4 block of a known size. @throws RangeError when the block is not what it should be */
export function decompressLz4(source: Buffer, size: number): Buffer {
  const out = Buffer.allocUnsafe(size)
  if (decompressLz4Into(source, out, 0) !== size) throw new RangeError('LZ4: a block of another size')
  return out
}

/**
 * One LZ4 block (lz4 block format: sequences of token, literals, little-endian offset, match), written from `start`; what is before may be
 * referred to.
 * @returns where it ends
 * @throws RangeError when the block is not what it should be
 */
export function decompressLz4Into(source: Buffer, out: Buffer, start: number): number {
  const size = out.length
  let at = 0
  let to = start
  const lengthFrom = (nibble: number): number => {
    let length = nibble
    if (nibble !== 15) return length
    for (let byte = 255; byte === 255;) {
      byte = source.readUInt8(at++)
      length += byte
    }
    return length
  }
  while (at < source.length) {
    const token = source.readUInt8(at++)
    const literals = lengthFrom(token >> 4)
    if (at + literals > source.length || to + literals > size) throw new RangeError('LZ4: literals beyond the end')
    source.copy(out, to, at, at + literals)
    at += literals
    to += literals
    if (at === source.length) break
    const offset = source.readUInt16LE(at)
    at += 2
    const length = lengthFrom(token & 15) + 4
    if (offset === 0 || offset > to || to + length > size) throw new RangeError('LZ4: match beyond the ends')
    if (offset >= length) out.copyWithin(to, to - offset, to - offset + length)
    else for (let i = 0; i < length; i++) out[to + i] = out[to - offset + i] ?? 0
    to += length
  }
  return to
}

/** Bits of the hash of four bytes: so many places of earlier matches are remembered. */
const HASH_BITS = 14
const MIN_MATCH = 4
const MAX_OFFSET = 65_535
/** The format wants the last five bytes to be literals, and the last match to begin twelve before the end. */
const LAST_LITERALS = 5
const LAST_MATCH = 12
/** After so many bytes without a match, steps grow by one: data that cannot be compressed is passed over quickly. */
const SKIP_AFTER_BITS = 6

const places = new Int32Array(2 ** HASH_BITS)

/** One LZ4 block: every match that a table of hashes finds, the latest place first. */
export function compressLz4(data: Uint8Array): Buffer {
  const source = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const out = Buffer.allocUnsafe(source.length + Math.ceil(source.length / 255) + 16)
  places.fill(-1)
  let written = 0
  let literals = 0
  for (let at = 0; at + LAST_MATCH <= source.length;) {
    const four = source.readInt32LE(at)
    const hash = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS)
    const place = places[hash]
    places[hash] = at
    if (place === -1 || at - place > MAX_OFFSET || source.readInt32LE(place) !== four) {
      at += 1 + ((at - literals) >> SKIP_AFTER_BITS)
      continue
    }
    let length = MIN_MATCH
    while (at + length < source.length - LAST_LITERALS && source[place + length] === source[at + length]) length++
    written = writeLiterals(out, written, source.subarray(literals, at), length - MIN_MATCH)
    written = out.writeUInt16LE(at - place, written)
    written = writeRest(out, written, length - MIN_MATCH)
    at += length
    literals = at
  }
  return out.subarray(0, writeLiterals(out, written, source.subarray(literals), 0))
}

/** The token with both lengths, and the literals. @returns where to write next */
function writeLiterals(out: Buffer, at: number, literals: Buffer, matchLength: number): number {
  out.writeUInt8((Math.min(literals.length, 15) << 4) | Math.min(matchLength, 15), at)
  const to = writeRest(out, at + 1, literals.length)
  return to + literals.copy(out, to)
}

/** What a length of four bits cannot hold. @returns where to write next */
function writeRest(out: Buffer, at: number, length: number): number {
  if (length < 15) return at
  let to = at
  let rest = length - 15
  for (; rest >= 255; rest -= 255) to = out.writeUInt8(255, to)
  return out.writeUInt8(rest, to)
}

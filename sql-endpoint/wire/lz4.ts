/**
 * One LZ4 block (lz4 block format: sequences of token, literals, little-endian offset, match) of a known size.
 * @throws RangeError when the block is not what it should be
 */
export function decompressLz4(source: Buffer, size: number): Buffer {
  const out = Buffer.allocUnsafe(size)
  let at = 0
  let to = 0
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
  if (to !== size) throw new RangeError('LZ4: a block of another size')
  return out
}

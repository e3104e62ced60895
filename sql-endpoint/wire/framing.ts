import { cityHash128 } from './cityhash.ts'
import { SqlError } from '../errors.ts'
import { Chunks } from './chunks.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { decompressZstd } from './zstd.ts'

/**
 * ClickHouse's native compression, `compress=1` and `decompress=1`: blocks of
 *   16 bytes checksum of the rest | 1 byte method | 4 bytes size of method, sizes and data | 4 bytes size decompressed | data
 * We send LZ4, as servers do: Java's client reads no other method, whatever the block says.
 */
const CHECKSUM = 16
const HEADER = 9
const METHOD = { none: 0x02, lz4: 0x82, zstd: 0x90 }
/** Bound of a block as sent and as decompressed. Clients send blocks of 1 MiB. */
const MAX_BLOCK = 64 * 1024 ** 2
const OUR_BLOCK = 256 * 1024

export function* frame(data: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < data.byteLength; at += OUR_BLOCK) {
    const part = data.subarray(at, at + OUR_BLOCK)
    const compressed = compressLz4(part)
    const block = Buffer.allocUnsafe(CHECKSUM + HEADER + compressed.length)
    block.writeUInt8(METHOD.lz4, CHECKSUM)
    block.writeUInt32LE(HEADER + compressed.length, CHECKSUM + 1)
    block.writeUInt32LE(part.byteLength, CHECKSUM + 5)
    block.set(compressed, CHECKSUM + HEADER)
    block.set(cityHash128(block.subarray(CHECKSUM)), 0)
    yield block
  }
}

/** The data of framed blocks, which may be cut anywhere. @throws SqlError CHECKSUM_DOESNT_MATCH, CANNOT_DECOMPRESS */
export async function* unframe(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  const held = new Chunks()
  /** Bytes without which the next step cannot be taken. */
  let wanted = CHECKSUM + HEADER
  for await (const chunk of source) {
    held.add(chunk)
    while (held.length >= wanted) {
      const bytes = held.whole()
      const size = bytes.readUInt32LE(CHECKSUM + 1)
      const decompressed = bytes.readUInt32LE(CHECKSUM + 5)
      if (size < HEADER || size > MAX_BLOCK || decompressed > Math.min(MAX_BLOCK, maxBytes)) {
        throw new SqlError('TOO_LARGE_SIZE_COMPRESSED', 'A compressed block is larger than what is allowed')
      }
      wanted = CHECKSUM + size
      if (bytes.length < wanted) break
      const body = bytes.subarray(CHECKSUM, wanted)
      if (!cityHash128(body).equals(bytes.subarray(0, CHECKSUM))) {
        throw new SqlError('CHECKSUM_DOESNT_MATCH', "Checksum doesn't match: corrupted data in the request's body")
      }
      yield await decompressBlock(body.readUInt8(0), body.subarray(HEADER), decompressed)
      held.drop(wanted)
      wanted = CHECKSUM + HEADER
    }
  }
  if (held.length > 0) throw new SqlError('CANNOT_DECOMPRESS', "The request's body ends within a compressed block")
}

async function decompressBlock(method: number, data: Buffer, size: number): Promise<Buffer> {
  try {
    if (method === METHOD.none && data.length === size) return data
    if (method === METHOD.lz4) return decompressLz4Whole(data, size)
    if (method === METHOD.zstd) return await decompressZstd(data, size)
  } catch (error) {
    throw new SqlError('CANNOT_DECOMPRESS', "A compressed block of the request's body cannot be read", error)
  }
  throw new SqlError(
    'CANNOT_DECOMPRESS',
    `Compression method 0x${method.toString(16)} is not supported; LZ4, ZSTD and NONE are`,
  )
}

function decompressLz4Whole(data: Buffer, size: number): Buffer {
  const whole = decompressLz4(data, size)
  if (whole.length !== size) throw new Error(`the block has ${whole.length} bytes instead of ${size}`)
  return whole
}

import { compressSync, uncompressSync } from 'lz4-napi'

/** lz4-napi puts the size of what comes out before each block (little-endian), and makes a buffer of that size first. */
const SIZE = 4
/** A byte of a block stands for so many at most. */
const MAX_RATIO = 255

/** One LZ4 block (lz4 block format). */
export function compressLz4(data: Uint8Array): Buffer {
  return compressSync(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).subarray(SIZE)
}

/**
 * The content of one LZ4 block.
 * @param mostBytes that it may have
 * @param history what was before, to which the block may refer: at most 64 KiB
 * @throws Error: it has more, or the block is not what it should be
 */
export function decompressLz4(block: Buffer, mostBytes: number, history?: Buffer): Buffer {
  const sized = Buffer.allocUnsafe(SIZE + block.length)
  sized.writeUInt32LE(Math.min(mostBytes, block.length * MAX_RATIO))
  block.copy(sized, SIZE)
  return uncompressSync(sized, history)
}

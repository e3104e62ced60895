import * as zlib from 'node:zlib'
import { ZSTDDecoder } from 'zstddec'

/** Node.js has Zstandard since 22.15. */
const native = (zlib as { zstdDecompressSync?: (data: Buffer, options: { maxOutputLength: number }) => Buffer })
  .zstdDecompressSync

/** The same library, compiled to WebAssembly: for earlier ones. */
const decoder = new ZSTDDecoder()
let isReady: Promise<void> | null = null

/**
 * Decompresses a frame of exactly `size` bytes.
 * @throws Error: it is not of that size, or cannot be read
 */
export async function decompressZstd(data: Buffer, size: number): Promise<Buffer> {
  const whole = native === undefined ? await decompressInWasm(data, size) : native(data, { maxOutputLength: size })
  if (whole.length !== size) throw new Error(`the frame has ${whole.length} bytes instead of ${size}`)
  return whole
}

/** Only the size that is given is made room for, whatever the frame says. */
export async function decompressInWasm(data: Buffer, size: number): Promise<Buffer> {
  if (size === 0) return Buffer.alloc(0)
  await (isReady ??= decoder.init())
  // Of a frame that cannot be read the package returns no bytes: the library's error is a negative length.
  const whole = decoder.decode(data, size)
  return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength)
}

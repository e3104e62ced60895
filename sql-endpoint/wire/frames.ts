import { SqlError } from '../errors.ts'

/** Codings whose bytes are passed to the engine unchanged; it has the libraries, whatever Node.js has. */
export type FrameCoding = 'lz4' | 'zstd'

/**
 * Passes a body of LZ4 or Zstandard frames on unchanged, and walks from block to block to check that it ends where a frame ends: the engine
 * would accept a truncated body as complete and silently insert fewer rows. The engine checks the content of the blocks; how much they may
 * decompress to is limited here.
 * @throws SqlError CANNOT_DECOMPRESS, QUERY_IS_TOO_LARGE: it may decompress to more than `maxBytes`
 */
export async function* wholeFrames(
  source: AsyncIterable<Buffer>,
  coding: FrameCoding,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const walker = new Walker(coding, maxBytes)
  for await (const chunk of source) {
    walker.pass(chunk)
    yield chunk
  }
  if (!walker.mayEnd) throw new SqlError('CANNOT_DECOMPRESS', `The request's body ends within a frame of ${coding}`)
}

/** The next bytes, so many of them: at most four to look at, or any number to pass over. */
interface Step {
  readonly bytes: number
  readonly look?: true
  /** The body may end here. */
  readonly mayEnd?: true
  /** What may come out of them at most. */
  readonly decoded?: number
}
type Walk = Generator<Step, never, Buffer>

class Walker {
  readonly #walk: Walk
  readonly #field = Buffer.alloc(4)
  #step: Step
  /** Of the step's bytes. */
  #passed = 0
  readonly #maxBytes: number
  #decoded = 0

  constructor(coding: FrameCoding, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#walk = coding === 'lz4' ? lz4Frames() : zstdFrames()
    this.#step = this.#walk.next().value
  }

  get mayEnd(): boolean {
    return this.#step.mayEnd === true && this.#passed === 0
  }

  pass(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const here = Math.min(this.#step.bytes - this.#passed, chunk.length - at)
      if (this.#step.look === true) chunk.copy(this.#field, this.#passed, at, at + here)
      at += here
      this.#passed += here
      // More than once: a step may be of no bytes.
      while (this.#passed === this.#step.bytes) {
        this.#step = this.#walk.next(this.#field).value
        this.#passed = 0
        this.#decoded += this.#step.decoded ?? 0
        if (this.#decoded > this.#maxBytes) {
          const what = `The request's body may be of more than ${this.#maxBytes} bytes when it is decompressed`
          throw new SqlError('QUERY_IS_TOO_LARGE', what)
        }
      }
    }
  }
}

const LZ4_MAGIC = 0x184d2204
const LZ4_DICTIONARY = 0x01
const LZ4_CONTENT_CHECKSUM = 0x04
const LZ4_CONTENT_SIZE = 0x08
const LZ4_BLOCK_CHECKSUM = 0x10
/** A byte of a length stands for so many bytes at most. */
const LZ4_MAX_RATIO = 255
/** Largest block, by the code in BD: 64 KiB, 256 KiB, 1 MiB, 4 MiB. */
const lz4BlockMax = (descriptor: number): number => 2 ** (8 + 2 * ((descriptor >> 4) & 7))

/**
 * LZ4 frame format 1.6.4: magic | FLG, BD | content size 8? | dictionary 4? | header checksum 1 | blocks | end mark, a zero of 4 | content
 * checksum 4?; a block is its size 4, whose highest bit says "not compressed" | data | checksum 4?
 */
function* lz4Frames(): Walk {
  for (;;) {
    if (yield* skippableFrame('lz4', LZ4_MAGIC)) continue
    const header = yield { bytes: 2, look: true }
    const [flags, blockMax] = [header.readUInt8(), lz4BlockMax(header.readUInt8(1))]
    const has = (flag: number, bytes: number): number => ((flags & flag) === 0 ? 0 : bytes)
    yield { bytes: has(LZ4_CONTENT_SIZE, 8) + has(LZ4_DICTIONARY, 4) + 1 }
    for (;;) {
      const size = (yield { bytes: 4, look: true }).readUInt32LE()
      if (size === 0) break
      const stored = size & 0x7fffffff
      const decoded = size === stored ? Math.min(blockMax, stored * LZ4_MAX_RATIO) : stored
      yield { bytes: stored + has(LZ4_BLOCK_CHECKSUM, 4), decoded }
    }
    yield { bytes: has(LZ4_CONTENT_CHECKSUM, 4) }
  }
}

const ZSTD_MAGIC = 0xfd2fb528
const ZSTD_SINGLE_SEGMENT = 0x20
const ZSTD_CHECKSUM = 0x04
const ZSTD_RUN_LENGTH = 1
const ZSTD_COMPRESSED = 2
const ZSTD_BLOCK_MAX = 128 * 1024

/**
 * RFC 8878: magic | descriptor 1 | window 1? | dictionary 0, 1, 2 or 4 | content size 0, 1, 2, 4 or 8 | blocks | checksum 4?; a block is 3
 * bytes of (last 1 bit, type 2 bits, size 21 bits) | data, of a run-length block one byte
 */
function* zstdFrames(): Walk {
  for (;;) {
    if (yield* skippableFrame('zstd', ZSTD_MAGIC)) continue
    const descriptor = (yield { bytes: 1, look: true }).readUInt8()
    const single = (descriptor & ZSTD_SINGLE_SEGMENT) !== 0
    const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0
    const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
    yield { bytes: (single ? 0 : 1) + dictionary + contentSize }
    for (let last = false; !last;) {
      const header = (yield { bytes: 3, look: true }).readUIntLE(0, 3)
      last = (header & 1) === 1
      const [type, size] = [(header >> 1) & 3, header >> 3]
      yield { bytes: type === ZSTD_RUN_LENGTH ? 1 : size, decoded: type === ZSTD_COMPRESSED ? ZSTD_BLOCK_MAX : size }
    }
    yield { bytes: (descriptor & ZSTD_CHECKSUM) === 0 ? 0 : 4 }
  }
}

/** Both formats share frames of other people's data: magic 0x184D2A5x | size 4 | data. False: a frame of our own begins. */
function* skippableFrame(coding: FrameCoding, ours: number): Generator<Step, boolean, Buffer> {
  const magic = (yield { bytes: 4, look: true, mayEnd: true }).readUInt32LE()
  if (magic === ours) return false
  if (magic >>> 4 !== 0x184d2a5) throw new SqlError('CANNOT_DECOMPRESS', `The request's body is not ${coding}`)
  yield { bytes: (yield { bytes: 4, look: true }).readUInt32LE() }
  return true
}

import xxhash from 'xxhash-wasm'
import { SqlError } from '../errors.ts'
import { Chunks } from './chunks.ts'
import { decompressLz4 } from './lz4.ts'

const hashes = await xxhash()
const MAGIC = 0x184d2204
const SKIPPABLE = 0x184d2a5
const VERSION = 1
/** Bytes before a block that it may refer to. */
const HISTORY = 64 * 1024

interface FrameHeader {
  readonly linked: boolean
  readonly blockChecksums: boolean
  readonly contentChecksum: boolean
  readonly blockMax: number
}

/**
 * The content of LZ4 frames (frame format 1.6.4, see frames.ts), which may be cut anywhere. Frames with a dictionary are refused.
 * @throws SqlError CANNOT_DECOMPRESS
 */
export async function* decodeLz4Frames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Input(source)
  // For all frames: a body may be of many.
  const history = new History()
  while (await input.has(1)) {
    const magic = (await input.take(4)).readUInt32LE()
    if (magic >>> 4 === SKIPPABLE) await input.skip((await input.take(4)).readUInt32LE())
    else if (magic === MAGIC) yield* contentOfFrame(input, history)
    else throw broken('is not lz4')
  }
}

async function* contentOfFrame(input: Input, history: History): AsyncGenerator<Buffer> {
  const header = await readHeader(input)
  const content = header.contentChecksum ? hashes.create32() : null
  history.clear()
  for (;;) {
    const size = (await input.take(4)).readUInt32LE()
    if (size === 0) break
    const stored = size & 0x7fffffff
    if (stored > header.blockMax) throw broken('has an lz4 block larger than its frame says')
    const data = await input.take(stored)
    if (header.blockChecksums && (await input.take(4)).readUInt32LE() !== hashes.h32Raw(data)) throw wrongChecksum()
    const block = size === stored ? decompressed(data, header, history) : Buffer.from(data)
    content?.update(block)
    if (header.linked) history.add(block)
    yield block
  }
  if (content !== null && (await input.take(4)).readUInt32LE() !== content.digest()) throw wrongChecksum()
}

/** The last bytes of the content of a frame whose blocks are linked. */
class History {
  /** Twice as long as what is kept: that is moved once in so many bytes, however small the blocks are. */
  readonly #bytes = Buffer.allocUnsafe(2 * HISTORY)
  #length = 0

  get latest(): Buffer {
    return this.#bytes.subarray(Math.max(0, this.#length - HISTORY), this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  add(block: Buffer): void {
    const added = block.subarray(-HISTORY)
    if (this.#length + added.length > this.#bytes.length) this.#length = this.latest.copy(this.#bytes)
    this.#length += added.copy(this.#bytes, this.#length)
  }
}

async function readHeader(input: Input): Promise<FrameHeader> {
  const [flags, descriptor] = Buffer.from(await input.take(2))
  const hasSize = (flags & 0x08) !== 0
  const rest = await input.take((hasSize ? 8 : 0) + 1)
  const checked = Buffer.concat([Buffer.of(flags, descriptor), rest.subarray(0, -1)])
  if (((hashes.h32Raw(checked) >>> 8) & 0xff) !== rest.at(-1)) throw wrongChecksum()
  const code = (descriptor >> 4) & 7
  if (flags >> 6 !== VERSION || (flags & 0x01) !== 0 || code < 4) throw broken('has an lz4 frame that is not supported')
  return {
    linked: (flags & 0x20) === 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    blockMax: 2 ** (8 + 2 * code),
  }
}

function decompressed(data: Buffer, { blockMax }: FrameHeader, history: History): Buffer {
  try {
    return decompressLz4(data, blockMax, history.latest)
  } catch (error) {
    throw new SqlError('CANNOT_DECOMPRESS', "An lz4 block of the request's body cannot be read", error)
  }
}

/** Takes exact numbers of bytes from pieces of any length. */
class Input {
  readonly #pieces: AsyncIterator<Buffer>
  readonly #held = new Chunks()

  constructor(source: AsyncIterable<Buffer>) {
    this.#pieces = source[Symbol.asyncIterator]()
  }

  /** Whether there are so many bytes. */
  async has(bytes: number): Promise<boolean> {
    while (this.#held.length < bytes) {
      const next = await this.#pieces.next()
      if (next.done === true) return false
      this.#held.add(next.value)
    }
    return true
  }

  async take(bytes: number): Promise<Buffer> {
    if (!(await this.has(bytes))) throw broken('ends within a frame of lz4')
    const taken = this.#held.whole().subarray(0, bytes)
    this.#held.drop(bytes)
    return taken
  }

  async skip(bytes: number): Promise<void> {
    for (let left = bytes; left > 0;) {
      if (!(await this.has(1))) throw broken('ends within a frame of lz4')
      const here = Math.min(left, this.#held.length)
      this.#held.drop(here)
      left -= here
    }
  }
}

function broken(how: string): SqlError {
  return new SqlError('CANNOT_DECOMPRESS', `The request's body ${how}`)
}

function wrongChecksum(): SqlError {
  return broken('has an lz4 frame with a wrong checksum')
}

import { wholeFrames, type FrameCoding } from '../../sql-endpoint/wire/frames.ts'
import { decodeLz4Frames } from '../../sql-endpoint/wire/lz4-frames.ts'
import { frame, unframe } from '../../sql-endpoint/wire/framing.ts'
import type { Parser } from './growth.ts'

/* Frames in the bodies of SQL requests. Inputs are texts whose characters are bytes; they come in one piece, or in pieces of a few bytes. */

const latin1 = (bytes: Buffer) => bytes.toString('latin1')
const blockOf = (text: string) => latin1(Buffer.concat([...frame(Buffer.from(text))]))

/** Blocks of ClickHouse's own framing: checksum, method, sizes, data. */
const OWN_PIECES = [blockOf('a'), blockOf('SELECT 1'), '\0', '\x82', '\xff', blockOf('a').slice(0, 20)]

const MAGIC = '\x04\x22\x4d\x18'
/** LZ4 frames: one that is empty, one that may be skipped, the beginning of one with blocks, and blocks. */
const LZ4_PIECES = [
  `${MAGIC}\x40\x40\xc0\0\0\0\0`,
  '\x50\x2a\x4d\x18\0\0\0\0',
  `${MAGIC}\x40\x40\xc0`,
  '\x01\0\0\x80a',
  '\x01\0\0\0a',
  '\0\0\0\0',
]
/** Zstandard frames: one with an empty raw block, one that may be skipped, the beginning of one, and blocks. */
const ZSTD_PIECES = [
  '\x28\xb5\x2f\xfd\x20\0\x01\0\0',
  '\x50\x2a\x4d\x18\0\0\0\0',
  '\x28\xb5\x2f\xfd\x20\0',
  '\0\0\0',
  '\x08\0\0a',
  '\x0a\0\0a',
]

// eslint-disable-next-line @typescript-eslint/require-await -- an async source of what is there
async function* cut(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** An error of the source's end counts as an end. */
async function drain(source: AsyncIterable<Buffer>): Promise<void> {
  for await (const part of source) if (part.length < 0) return
}

function framed(name: string, size: number): Parser {
  return {
    name: `blocks of decompress=1, ${name}`,
    run: (text) => drain(unframe(cut(text, size), 1e9)),
    pieces: OWN_PIECES,
  }
}

function whole(coding: FrameCoding, pieces: readonly string[], name: string, size: number): Parser {
  const wrap = (text: string) => pieces[0] + text
  return {
    name: `frames of ${coding}, ${name}`,
    run: (text) => drain(wholeFrames(cut(text, size), coding, 1e9)),
    pieces,
    wrap,
  }
}

function decoded(name: string, size: number): Parser {
  return {
    name: `content of lz4 frames, ${name}`,
    run: (text) => drain(decodeLz4Frames(cut(text, size))),
    pieces: LZ4_PIECES,
    wrap: (text) => LZ4_PIECES[0] + text,
  }
}

const CUTS = [
  ['in one piece', 2 ** 20],
  ['cut into pieces of 7 bytes', 7],
] as const

export const FRAME_PARSERS: readonly Parser[] = CUTS.flatMap(([name, size]) => [
  framed(name, size),
  whole('lz4', LZ4_PIECES, name, size),
  decoded(name, size),
  whole('zstd', ZSTD_PIECES, name, size),
])

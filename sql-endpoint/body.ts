import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import * as zlib from 'node:zlib'
import { SqlError } from './errors.ts'
import type { FrameCoding } from './wire/frames.ts'
import { decodeLz4Frames } from './wire/lz4-frames.ts'
import { unframe } from './wire/framing.ts'
import { isOn } from './request.ts'

/** The body's bytes after decoding: Content-Encoding first, then decompress=1. The decompressed size is limited. */
export async function* bodyOf(req: IncomingMessage, params: URLSearchParams, maxBytes: number): AsyncGenerator<Buffer> {
  const coding = codingOf(req)
  let source = bytesOf(req)
  if (coding !== '' && coding !== 'identity') {
    source = coding === 'lz4' ? decodeLz4Frames(source) : decoded(req, coding)
  }
  if (isOn(params.get('decompress'))) source = unframe(source, maxBytes)
  yield* bounded(source, maxBytes)
}

function decoded(req: IncomingMessage, coding: string): AsyncIterable<Buffer> {
  const decoder = decoderOf(coding)
  req.on('error', (error) => decoder.destroy(error))
  return req.pipe(decoder)
}

/** The body's bytes as sent. */
export function encodedBodyOf(req: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  return bounded(bytesOf(req), maxBytes)
}

/** The coding of the body, if the engine can decode it itself. */
export function frameCodingOf(req: IncomingMessage, params: URLSearchParams): FrameCoding | null {
  const coding = codingOf(req)
  return (coding === 'lz4' || coding === 'zstd') && !isOn(params.get('decompress')) ? coding : null
}

function codingOf(req: IncomingMessage): string {
  return (req.headers['content-encoding'] ?? '').trim().toLowerCase()
}

/** Not destroyed when reading stops early: its socket still has to carry the answer. */
function bytesOf(req: IncomingMessage): AsyncIterable<Buffer> {
  return req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
}

async function* bounded(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let total = 0
  try {
    for await (const chunk of source) {
      total += chunk.length
      if (total > maxBytes)
        throw new SqlError('QUERY_IS_TOO_LARGE', `The request's body is larger than ${maxBytes} bytes`)
      yield chunk
    }
  } catch (error) {
    if (error instanceof SqlError) throw error
    throw new SqlError('CANNOT_DECOMPRESS', "The request's body cannot be read", error)
  }
}

/** Available in Node.js since 22.15. */
const createZstdDecompress = (zlib as { createZstdDecompress?: () => Duplex }).createZstdDecompress

function decoderOf(coding: string): Duplex {
  if (coding === 'gzip' || coding === 'x-gzip') return zlib.createGunzip()
  if (coding === 'deflate') return zlib.createInflate()
  if (coding === 'br') return zlib.createBrotliDecompress()
  if (coding === 'zstd' && createZstdDecompress !== undefined) return createZstdDecompress()
  if (coding === 'zstd') {
    const only = 'the data of an INSERT whose query stands whole in the URL, without decompress=1'
    throw new SqlError('NOT_IMPLEMENTED', `Content-Encoding zstd is supported here for ${only}`)
  }
  throw new SqlError('NOT_IMPLEMENTED', `Content-Encoding ${coding} is not supported`)
}

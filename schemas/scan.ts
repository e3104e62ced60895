import { SYNC_BYTES } from './container.ts'
import { BATCH_MAX_BYTES } from './batch.ts'

/** A complete block of a container; its records are at [recordsStart, recordsEnd). */
export interface ScannedBlock {
  readonly recordCount: number
  readonly recordsStart: number
  readonly recordsEnd: number
  /** Position after the block's sync marker. */
  readonly end: number
}

export interface Scan {
  readonly blocks: ScannedBlock[]
  /** Ranges that are not blocks but are followed by complete blocks: the bytes were damaged. */
  readonly corrupt: { readonly start: number; readonly end: number }[]
  /** End of the last complete block; anything after it was never finished. */
  readonly end: number
}

/**
 * Finds the complete blocks of a container with a known sync marker, from `start` (after the header). Where the bytes are not a block, it
 * continues after the next sync marker, so that no intact block is lost.
 */
export function scanBlocks(bytes: Buffer, start: number, sync: Buffer): Scan {
  const blocks: ScannedBlock[] = []
  const corrupt: { start: number; end: number }[] = []
  let position = start
  let end = start
  while (position < bytes.length) {
    const block = blockAt(bytes, position, sync)
    if (block !== null) {
      if (position > end) corrupt.push({ start: end, end: position })
      blocks.push(block)
      position = end = block.end
      continue
    }
    const next = resume(bytes, position, sync)
    if (next < 0) break
    position = next
  }
  // Markers after the last complete block belong to damaged blocks, not to an unfinished one.
  if (position > end && position <= bytes.length && position !== start) {
    corrupt.push({ start: end, end: position })
    end = position
  }
  return { blocks, corrupt, end }
}

/**
 * Where to continue after bytes that are not a complete block: at the end that the damaged block's header claims, if a block begins there,
 * else after the next marker.
 */
function resume(bytes: Buffer, position: number, sync: Buffer): number {
  const claimed = frameAt(bytes, position)
  if (claimed !== null && blockAt(bytes, claimed.end, sync) !== null) return claimed.end
  const marker = bytes.indexOf(sync, position)
  return marker < 0 ? -1 : marker + SYNC_BYTES
}

function blockAt(bytes: Buffer, position: number, sync: Buffer): ScannedBlock | null {
  const block = frameAt(bytes, position)
  return block !== null && bytes.compare(sync, 0, SYNC_BYTES, block.recordsEnd, block.end) === 0 ? block : null
}

/** Parses a block's two numbers, without checking its marker. */
function frameAt(bytes: Buffer, position: number): ScannedBlock | null {
  const count = readLong(bytes, position)
  if (count === null || count.value <= 0) return null
  const size = readLong(bytes, count.end)
  if (size === null || size.value <= 0 || size.value > BATCH_MAX_BYTES) return null
  const recordsEnd = size.end + size.value
  const end = recordsEnd + SYNC_BYTES
  if (end > bytes.length) return null
  return { recordCount: count.value, recordsStart: size.end, recordsEnd, end }
}

/** The header of a container. */
export interface ContainerHeader {
  readonly metadata: ReadonlyMap<string, Buffer>
  readonly sync: Buffer
  /** Offset of the first block. */
  readonly end: number
}

/** Our containers have three entries; other writers add a few of their own. */
const MAX_ENTRIES = 64

/** Reads a container's header; null: the bytes do not begin with a complete one. */
export function readHeader(bytes: Buffer): ContainerHeader | null {
  if (bytes.toString('latin1', 0, 4) !== 'Obj\x01') return null
  const metadata = new Map<string, Buffer>()
  let position = 4
  for (;;) {
    const entries = readLong(bytes, position)
    if (entries === null || entries.value < 0 || entries.value > MAX_ENTRIES) return null
    position = entries.end
    if (entries.value === 0) break
    for (let entry = 0; entry < entries.value; entry++) {
      const key = readSized(bytes, position)
      const value = key === null ? null : readSized(bytes, key.end)
      if (key === null || value === null) return null
      metadata.set(key.value.toString('utf8'), value.value)
      position = value.end
    }
  }
  const end = position + SYNC_BYTES
  return end <= bytes.length ? { metadata, sync: bytes.subarray(position, end), end } : null
}

function readSized(bytes: Buffer, position: number): { value: Buffer; end: number } | null {
  const length = readLong(bytes, position)
  if (length === null || length.value < 0 || length.end + length.value > bytes.length) return null
  const end = length.end + length.value
  return { value: bytes.subarray(length.end, end), end }
}

/** Reads a zigzag varint of at most 2^53; null if there is none. */
export function readLong(bytes: Buffer, position: number): { value: number; end: number } | null {
  let zigzag = 0
  let factor = 1
  for (let index = position; index < bytes.length && index < position + 8; index++) {
    const byte = bytes[index]
    zigzag += (byte & 0x7f) * factor
    if (byte < 0x80) return { value: zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2, end: index + 1 }
    factor *= 0x80
  }
  return null
}

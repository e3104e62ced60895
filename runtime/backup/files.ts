import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { syncDirectory } from '../../log/journal/disk.ts'
import { parseSegmentName } from '../../log/journal/layout.ts'
import { segmentBlocks } from '../../log/journal/segment-blocks.ts'

/** Size and hash of a file. */
export interface Digest {
  readonly bytes: number
  readonly sha256: string
}

export async function digestOf(path: string): Promise<Digest> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    hash.update(chunk)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Writes a file and makes it durable; its directories are made. The caller syncs them: syncTree(). */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Copies a file and makes the copy durable. */
export async function copyDurably(from: string, to: string): Promise<Digest> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  const file = await open(to, 'w', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(from) as AsyncIterable<Buffer>) {
      await file.writeFile(chunk)
      hash.update(chunk)
      bytes += chunk.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** The files below a directory, as paths relative to it, sorted. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort()
}

/** Makes files that another program wrote, and all names below a directory, durable. */
export async function syncTree(directory: string, files: readonly string[]): Promise<void> {
  const directories = new Set([directory])
  for (const name of files) {
    const path = join(directory, name)
    const file = await open(path, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    for (let parent = dirname(path); parent !== directory; parent = dirname(parent)) directories.add(parent)
  }
  for (const each of directories) await syncDirectory(each)
}

/** The complete blocks of a segment that may still have been written to, and their number of records. Null: it has none. */
export async function completeBlocks(path: string, name: string): Promise<{ bytes: Buffer; records: number } | null> {
  const bytes = await readFile(path)
  const segment = parseSegmentName(name)
  if (segment === null) return { bytes, records: 0 }
  const found = segmentBlocks(segment.stream, bytes)
  // Only a later version can read it: it is kept as it is.
  if ('unreadable' in found) return { bytes, records: 0 }
  const { blocks, end } = found.scan
  if (blocks.length === 0) return null
  return { bytes: bytes.subarray(0, end), records: blocks.reduce((sum, { recordCount }) => sum + recordCount, 0) }
}

import { open, type FileHandle } from 'node:fs/promises'
import { accessEntryOf, type AccessEntry } from './log.ts'

/*
 * The access log of an installation without Kafka: one file in the data directory, which every process appends to and follows.
 *
 *   file   = *( LF record LF )
 *   record = {"key": <key>, "entry": <entry, or null to delete it>}
 *
 * A record is a single write to a file opened with O_APPEND, so records of several processes never interleave and every process reads them
 * in the same order. Each record starts with its own line feed, which separates it from a record that a power loss cut off.
 */

/** Name of the file in the data directory. */
export const FILE = 'access-control.log'
export const READ_BYTES = 1024 * 1024
export const LF = 0x0a

export interface OpenedFile {
  readonly file: FileHandle
  readonly inode: number
}

export async function openFile(path: string): Promise<OpenedFile> {
  const file = await open(path, 'a+', 0o600)
  return { file, inode: (await file.stat()).ino }
}

export async function* chunksOf(file: FileHandle, from: number): AsyncGenerator<Buffer> {
  for (let position = from; ;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    position += bytesRead
  }
}

/** @returns the number of invalid lines */
export function applyLines(bytes: Buffer, apply: (key: string, entry: AccessEntry | null) => void): number {
  let malformed = 0
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line === '') continue
    const record = recordOf(line)
    if (record === null) malformed++
    else apply(record.key, record.entry)
  }
  return malformed
}

export function recordText(key: string, entry: AccessEntry | null): string {
  if (entry === null) return JSON.stringify({ key, entry })
  const { updatedAt, ...rest } = entry
  return JSON.stringify({ key, entry: { ...rest, updated_at: updatedAt } })
}

function recordOf(line: string): { key: string; entry: AccessEntry | null } | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const { key, entry } = parsed as Record<string, unknown>
  if (typeof key !== 'string') return null
  if (entry === null) return { key, entry }
  const decoded = accessEntryOf(entry)
  return decoded === null ? null : { key, entry: decoded }
}

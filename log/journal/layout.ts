import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isStream, type Stream } from '../../schemas/streams/index.ts'

/*
 * The journal's files, below <data directory>/journal:
 *
 *  <slot>/<stream>-<created at, ms>-<incarnation>-<number>.avro.open    being written by the worker that holds the slot's lock
 *  <slot>/<stream>-<created at, ms>-<incarnation>-<number>.avro         sealed: complete, readable
 *  corrupt/...                                                         corrupt segments
 *
 * Each segment is an Avro object container file. There is one slot per ingest worker; names sort by age.
 */

export const OPEN_SUFFIX = '.avro.open'
export const SEALED_SUFFIX = '.avro'
/** The name, or path, that a segment has once it is sealed. */
export function sealedName(name: string): string {
  return name.endsWith(OPEN_SUFFIX) ? name.slice(0, -OPEN_SUFFIX.length) + SEALED_SUFFIX : name
}

export const CORRUPT_DIRECTORY = 'corrupt'

/** Role of the lock that a process holds while it writes or recovers a slot. */
export const SLOT_LOCK = 'ingest'

export function slotDirectory(journal: string, slot: number): string {
  return join(journal, String(slot))
}

/** Numbers of the existing slots. */
export function existingSlots(journal: string): number[] {
  try {
    return readdirSync(journal)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

export function segmentName(stream: Stream, madeAt: number, incarnation: string, number: number): string {
  return `${stream}-${String(madeAt).padStart(14, '0')}-${incarnation}-${String(number).padStart(8, '0')}`
}

/** Parses the name of a segment; null: the file is not a segment. */
export function parseSegmentName(name: string): { stream: Stream; madeAt: number } | null {
  const match = /^([a-z_]+)-(\d{14,})-[0-9a-f]+-\d+\.avro(\.open)?$/.exec(name)
  if (!match || !isStream(match[1])) return null
  return { stream: match[1], madeAt: Number(match[2]) }
}

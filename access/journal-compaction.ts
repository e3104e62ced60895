import { existsSync } from 'node:fs'
import { open, rename, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { lockDirectory, type DirectoryLock } from '../common/directory-lock.ts'
import { messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { syncDirectory } from '../log/journal/disk.ts'
import { applyLines, chunksOf, FILE, LF, openFile, recordText } from './journal-file.ts'
import type { AccessEntry } from './log.ts'
import { AccessTable } from './table.ts'

const COMPACTION_WAIT_MS = 60_000
/** Rounds in which a compaction catches up with what is appended meanwhile; what comes after the last one is copied. */
const COMPACTION_ROUNDS = 3
/** Records that are written at once. */
const RECORDS_PER_WRITE = 5000

/**
 * Writes all current records into a new file and renames it over the old one. Other processes may append meanwhile, to either file: they
 * check the inode to see which one they wrote to.
 * @returns the size of the new file in bytes; null: there is no log
 * @throws Error of the file system: the old file is still in place; GatepostError DIRECTORY_LOCKED: another process compacts it, for a minute
 */
export async function compactAccessLog(directory: string, now: number): Promise<number | null> {
  if (!existsSync(join(directory, FILE))) return null
  const lock = await withoutCompaction(directory)
  try {
    return await compact(join(directory, FILE), now)
  } finally {
    await lock.release()
  }
}

/** Keeps others from compacting it: one file holds all of it meanwhile. @throws GatepostError DIRECTORY_LOCKED: after a minute */
export function withoutCompaction(directory: string): Promise<DirectoryLock> {
  return lockDirectory(directory, 'access-log-compaction', COMPACTION_WAIT_MS)
}

async function compact(path: string, now: number): Promise<number> {
  const old = await open(path, 'r')
  try {
    const fresh = `${path}.new`
    const table = new AccessTable()
    let end = 0
    for (let round = 0; round < COMPACTION_ROUNDS; round++) {
      end = await applyFrom(old, end, table)
      await writeRecords(fresh, table.records(now))
      if ((await old.stat()).size <= end) break
    }
    await rename(fresh, path)
    await syncDirectory(dirname(path))
    const { file } = await openFile(path)
    try {
      for await (const late of chunksOf(old, end)) await file.write(late)
      await file.datasync()
      return (await file.stat()).size
    } finally {
      await file.close()
    }
  } finally {
    await old.close()
  }
}

/** Applies complete lines from an offset on. @returns the offset behind the last of them */
async function applyFrom(file: FileHandle, offset: number, table: AccessTable): Promise<number> {
  let partial = Buffer.alloc(0)
  let end = offset
  for await (const chunk of chunksOf(file, offset)) {
    const bytes = Buffer.concat([partial, chunk])
    const complete = bytes.lastIndexOf(LF) + 1
    applyLines(bytes.subarray(0, complete), (key, entry) => table.apply(key, entry))
    partial = bytes.subarray(complete)
    end += complete
  }
  return end
}

async function writeRecords(path: string, records: Iterable<[string, AccessEntry]>): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    let texts: string[] = []
    for (const [key, entry] of records) {
      texts.push(`\n${recordText(key, entry)}\n`)
      if (texts.length < RECORDS_PER_WRITE) continue
      await file.writeFile(texts.join(''))
      texts = []
    }
    await file.writeFile(texts.join(''))
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** How much the log may grow before it is compacted: less is not worth the work. */
const GROWN_BYTES = 32 * 1024 * 1024
const GROWN_CHECK_MS = 60_000

/**
 * Compacts the log whenever it has grown to twice its size, and by 32 MiB: logins and logouts append to it without end.
 * @returns stops it
 */
export function keepCompact(directory: string, compactedBytes: number, logger: Logger): () => void {
  let last = compactedBytes
  const check = async () => {
    const { size } = await stat(join(directory, FILE))
    if (size < 2 * last + GROWN_BYTES) return
    last = (await compactAccessLog(directory, Date.now())) ?? 0
    logger.info({ event: 'access_log.compacted', before: size, after: last }, 'access log: compacted its file')
  }
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(check).catch((error: unknown) => {
      logger.error(
        { event: 'access_log.compaction_failed', error: messageOf(error) },
        'access log: cannot compact its file, which keeps growing',
      )
    })
  }, GROWN_CHECK_MS).unref()
  return () => clearInterval(timer)
}

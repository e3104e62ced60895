import { close, fdatasync, fsync, ftruncate, open, rename, unlink, writev } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

/** The journal's file operations, all off the event loop's thread; an interface, so that a test can let one fail as a disk does. */
export interface Disk {
  open(path: string, flags: string): Promise<number>
  close(fd: number): Promise<void>
  /** Bytes written at `position`; fewer than given when the disk is nearly full. */
  writev(fd: number, buffers: Uint8Array[], position: number): Promise<number>
  fdatasync(fd: number): Promise<void>
  ftruncate(fd: number, length: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
}

const openFile = promisify(open)
const closeFile = promisify(close)
const syncFile = promisify(fsync)

export const realDisk: Disk = {
  open: (path, flags) => openFile(path, flags, 0o600),
  close: closeFile,
  writev: (fd, buffers, position) =>
    new Promise((resolve, reject) => {
      writev(fd, buffers, position, (error, written) => {
        if (error) reject(error)
        else resolve(written)
      })
    }),
  fdatasync: promisify(fdatasync),
  ftruncate: promisify(ftruncate),
  rename: promisify(rename),
  unlink: promisify(unlink),
}

/** Makes the creation, renaming and removal of files in a directory last through a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  const fd = await openFile(directory, 'r')
  try {
    await syncFile(fd)
  } finally {
    await closeFile(fd)
  }
}

/** Creates a directory and those above it that are missing, and syncs the first new one into its parent. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 })
  if (first !== undefined) await syncDirectory(dirname(first))
}

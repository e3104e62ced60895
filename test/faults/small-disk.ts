import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SIZE = '16m'

/** A file system of a few megabytes that can be filled. */
export interface SmallDisk {
  readonly path: string
  /** Uses all free space. */
  fill(): void
  free(): void
  remove(): void
}

/** Null: file systems cannot be mounted here (only root may). */
export function smallDisk(path: string): SmallDisk | null {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    return null
  }
  const filler = join(path, 'filler')
  return {
    path,
    fill: () => {
      try {
        for (;;) writeFileSync(filler, Buffer.alloc(256 * 1024), { flag: 'a' })
      } catch {
        // Full.
      }
    },
    free: () => rmSync(filler, { force: true }),
    remove: () => {
      try {
        execFileSync('umount', ['-l', path], { stdio: 'ignore' })
      } catch {
        // It disappears with the machine.
      }
    },
  }
}

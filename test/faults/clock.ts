import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A separate wall clock for a process: libfaketime between the process and the kernel. The monotonic clock stays true. */
export interface FakeClock {
  /** The environment variables for the process. */
  readonly env: Record<string, string>
  /** Sets the clock to this many seconds from the true time. */
  step(seconds: number): void
}

/** Null: libfaketime (Debian package faketime) is not installed. */
export function fakeClock(directory: string): FakeClock | null {
  const library = findLibrary()
  if (library === null) return null
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'offset')
  const step = (seconds: number) => {
    // By rename: libfaketime reads the file whenever the process reads the clock.
    writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(`${file}.new`, file)
  }
  step(0)
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    step,
  }
}

function findLibrary(): string | null {
  if (process.platform !== 'linux') return null
  for (const architecture of readdirSync('/usr/lib')) {
    const library = join('/usr/lib', architecture, 'faketime', 'libfaketimeMT.so.1')
    if (existsSync(library)) return library
  }
  return null
}

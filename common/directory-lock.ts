import { closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from './errors.ts'

/**
 * An exclusive lock on a directory that the kernel releases when the holding process dies, however it dies.
 *
 * Linux: an abstract Unix socket named by the directory's device and inode. It is visible within one network namespace only: do not share a
 * data directory between containers.
 * macOS: open(2) with O_EXLOCK on a file in the directory (a flock of the open file).
 */
export interface DirectoryLock {
  release(): Promise<void>
}

// From <fcntl.h> of macOS; Node.js passes numeric flags to open(2) unchanged.
const DARWIN_O_EXLOCK = 0x20
const DARWIN_O_NONBLOCK = 0x04

/** Tries once. Null: another process holds it. `role` distinguishes several locks on one directory. */
export async function tryLockDirectory(directory: string, role: string): Promise<DirectoryLock | null> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return process.platform === 'linux' ? lockSocket(directory, role) : lockFile(directory, role)
}

/**
 * Waits up to `waitMs` for the holder to release it.
 * @throws GatepostError DIRECTORY_LOCKED
 */
export async function lockDirectory(directory: string, role: string, waitMs = 0): Promise<DirectoryLock> {
  const deadline = performance.now() + waitMs
  for (;;) {
    const lock = await tryLockDirectory(directory, role)
    if (lock) return lock
    if (performance.now() >= deadline) {
      throw new GatepostError('DIRECTORY_LOCKED', `another gatepost process (${role}) is using ${directory}`)
    }
    await sleep(25)
  }
}

async function lockSocket(directory: string, role: string): Promise<DirectoryLock | null> {
  const { dev, ino } = statSync(directory, { bigint: true })
  const server = createServer((socket) => socket.destroy())
  try {
    await listen(server, `\0gatepost/${dev}/${ino}/${role}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null
    throw new GatepostError('DIRECTORY_LOCKED', `cannot lock ${directory}: ${messageOf(error)}`, error)
  }
  server.unref()
  return {
    release: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // exclusive: a cluster worker must own the socket itself; otherwise its primary would hold the lock.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function lockFile(directory: string, role: string): Promise<DirectoryLock | null> {
  const flags = constants.O_RDWR | constants.O_CREAT | DARWIN_O_EXLOCK | DARWIN_O_NONBLOCK
  try {
    const fd = openSync(join(directory, `.${role.replaceAll('/', '-')}.lock`), flags, 0o600)
    return Promise.resolve({
      release: () => {
        closeSync(fd)
        return Promise.resolve()
      },
    })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return Promise.resolve(null)
    throw error
  }
}

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { findCommand } from './commands.ts'

/** A small file system for this test; null if none can be mounted, which is a failure in CI. */
export function mountSmall(t: Test, options: string): string | null {
  const mount = findCommand('mount')
  if (process.platform === 'linux' && process.getuid?.() === 0 && mount !== null) {
    const directory = mkdtempSync(join(tmpdir(), 'gatepost-test-'))
    execFileSync(mount, ['-t', 'tmpfs', '-o', options, 'tmpfs', directory])
    t.teardown(() => {
      // Unmounted lazily: processes that are being killed may use it a moment longer.
      execFileSync('umount', ['-l', directory])
      rmdirSync(directory)
    })
    return directory
  }
  if (process.env['CI']) t.fail('a small file system cannot be mounted here')
  else t.comment('skipped: mounting a small file system takes root on Linux')
  return null
}

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/** Directories of Debian's programs that are not in a user's PATH. */
const MORE = ['/usr/sbin', '/sbin']

/** The path of a program; null if it is not installed. */
export function findCommand(name: string): string | null {
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), ...MORE]) {
    try {
      const path = join(directory, name)
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Try the next one.
    }
  }
  return null
}

/** The path of a program that a test needs. Without it the test is skipped with the reason; in CI it fails. */
export function requireCommand(t: Test, name: string, debianPackage: string): string | null {
  const path = findCommand(name)
  if (path !== null) return path
  const message = `${name} is not installed (Debian package ${debianPackage})`
  if (process.env['CI']) t.fail(message)
  else t.comment(`skipped: ${message}`)
  return null
}

import { readFileSync } from 'node:fs'
import { packageFile } from '../../common/package-root.ts'

/** A package that an installation of Gatepost gets, as package-lock.json describes it. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  /** SPDX identifier; undefined: the package states none. */
  readonly license: string | undefined
  /** Whether the lock file has the hash of its archive. */
  readonly hasHash: boolean
  /** For other systems than this one, too. */
  readonly optional: boolean
}

interface LockEntry {
  readonly version: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
}

/** The packages without those for development, each version once, by name. */
export function shippedPackages(): LockedPackage[] {
  const { packages } = JSON.parse(readFileSync(packageFile('package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>
  }
  const found = new Map<string, LockedPackage>()
  for (const [path, { version, license, integrity, dev, optional }] of Object.entries(packages)) {
    if (path === '' || dev === true) continue
    const name = path.replace(/^.*node_modules\//, '')
    const hasHash = integrity !== undefined
    found.set(`${name}@${version}`, { name, version, license, hasHash, optional: optional === true })
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'

/** Where test/clients/install puts analysts' programs. */
export const INSTALLED = packageFile('node_modules/.cache/gatepost-clients')

/** @param name as test/clients/install knows it */
export function isInstalled(name: string): boolean {
  return existsSync(join(INSTALLED, name))
}

import { existsSync } from 'node:fs'
import { packageFile } from '../../common/package-root.ts'
import { findCommand } from './commands.ts'

/*
 * Imported for its effect by code that starts brokers: a test file that cannot have a broker is skipped as a whole, with the reason. In CI,
 * where everything is installed, it fails.
 */

function missing(): string | null {
  if (findCommand('java') === null) return 'java is not installed (Debian package default-jre-headless)'
  if (!existsSync(packageFile('.kafka')) && findCommand('mvn') === null) {
    return 'mvn is not installed, which fetches Kafka (Debian package maven)'
  }
  return null
}

const reason = missing()
if (reason !== null) {
  if (process.env['CI'] || process.env['TAP'] === undefined) throw new Error(reason)
  // Imported only here: a program that imports tap writes a test's output.
  const { default: t } = await import('tap')
  t.plan(0, reason)
  process.exit(0)
}

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'

/*
 * The release after this one, with a field added as docs/contributing.md says: this program with changes in the stream's descriptor, a
 * migration and the encoder. It has one change of each kind that old records must survive:
 *
 *   gateway_pings.firmware              added, with a default
 *   gateway_auth.incoming_delta         renamed to delta_in
 *   gateway_auth.auth_code              int → long
 *   gateway_auth.user_agent             string → null or string
 */

export const NEXT_VERSION = '99.0.0'

/** Creates it in a directory, which must not exist. @returns the directory */
export function makeNextRelease(directory: string): string {
  mkdirSync(directory, { recursive: true })
  for (const name of shipped()) {
    cpSync(packageFile(name), join(directory, name), {
      recursive: true,
      filter: (path) => !/\/(test|bench)$/.test(path),
    })
  }
  symlinkSync(packageFile('node_modules'), join(directory, 'node_modules'))
  edit(join(directory, 'package.json'), /"version": "[^"]+"/, `"version": "${NEXT_VERSION}"`)

  const pings = join(directory, 'dist/schemas/streams/gateway-pings.js')
  edit(
    pings,
    /\],\n(\s*)reportedAs/,
    `    { name: 'firmware', type: 'string', holds: null, doc: '', default: '' },\n$&`,
  )
  const auth = join(directory, 'dist/schemas/streams/gateway-auth.js')
  edit(auth, "name: 'incoming_delta'", "name: 'delta_in', aliases: ['incoming_delta']")
  edit(auth, /(name: 'auth_code',\s*type: )'int'/, "$1'long'")
  edit(auth, /(name: 'user_agent',\s*type: )'string'/, "$1['null', 'string']")
  writeFileSync(join(directory, 'schemas/clickhouse', `${nextMigration(directory)}_next.sql`), MIGRATION)
  edit(
    join(directory, 'dist/ingest/encode/ping.js'),
    /(\n\s*)putText\(cursor, fields, PING_DEVICE_ID\);/,
    "$&$1cursor.string('99');",
  )
  // The branch of the union comes before the string; a long is encoded like an int.
  edit(join(directory, 'dist/ingest/encode/auth.js'), 'cursor.string(userAgent);', 'cursor.uint(1);\n    $&')
  return directory
}

/** The folders of what the package holds. */
function shipped(): string[] {
  const { files } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { files: string[] }
  const folders = files.filter((file) => !file.startsWith('!')).map((file) => file.split('/')[0])
  return [...new Set([...folders, 'package.json'])]
}

const MIGRATION = `ALTER TABLE gatepost.gateway_pings ADD COLUMN IF NOT EXISTS firmware String DEFAULT ''
-- statement
ALTER TABLE gatepost.gateway_auth RENAME COLUMN IF EXISTS incoming_delta TO delta_in
-- statement
ALTER TABLE gatepost.gateway_auth MODIFY COLUMN auth_code Int64
-- statement
ALTER TABLE gatepost.gateway_auth MODIFY COLUMN user_agent LowCardinality(Nullable(String))
`

function nextMigration(directory: string): string {
  const files = readdirSync(join(directory, 'schemas/clickhouse')).filter((name) => name.endsWith('.sql'))
  return String(files.length + 1).padStart(4, '0')
}

function edit(path: string, from: string | RegExp, to: string): void {
  const text = readFileSync(path, 'utf8')
  const edited = text.replace(from, to)
  if (edited === text) throw new Error(`${path} has no ${String(from)}`)
  rmSync(path)
  writeFileSync(path, edited)
}

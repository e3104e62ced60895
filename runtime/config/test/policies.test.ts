import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readPolicies } from '../policies.ts'

const directory = t.testdir()
let files = 0

function read(text: string) {
  const path = join(directory, `${files++}.yaml`)
  writeFileSync(path, text)
  return readPolicies(path)
}

const one = (more: string) =>
  `policies:\n  - name: p\n    deny: mac\n    sql: SELECT 1 AS subject, 1 AS used;\n    ${more}\n`

t.test('limits and times with units', (t) => {
  t.same(readPolicies(undefined), [])
  const sql = 'SELECT 1 AS subject, 1 AS used'
  t.same(read(one('limit: 7')), [{ name: 'p', deny: 'mac', sql, limit: 7, unit: 'count', forMs: null, show: true }])
  t.match(read(one('limit: 2 GB\n    unit: bytes\n    for: 3h\n    show: false')), [
    { limit: 2e9, unit: 'bytes', forMs: 3 * 3_600_000, show: false },
  ])
  t.match(read(one('limit: 4h\n    unit: seconds')), [{ limit: 14_400 }])
  t.end()
})

t.test('mistakes are reported with their place', (t) => {
  const told = (text: string, message: RegExp) => t.throws(() => read(text), { code: 'CONFIG_INVALID', message })
  told(
    one('limit: 2 parsecs\n    unit: bytes'),
    /^GATEPOST_POLICIES=\S+: policies\.0\.limit: 2 parsecs: allowed is a number/,
  )
  told(one('limit: 0'), /policies\.0\.limit: 0/)
  told(one('limit: 4h'), /policies\.0\.limit: 4h/)
  told(one('limit: 1\n    for: ever'), /policies\.0\.for: ever: allowed is day, or a duration/)
  told(one('limit: 1\n    limits: 2'), /policies\.0: Unrecognized key: "limits"/)
  told(one('limit: 1').replace('mac', 'everybody'), /policies\.0\.deny: /)
  told(one('limit: 1').replace('name: p', 'name: P 1'), /policies\.0\.name: allowed are/)
  told(`${one('limit: 1')}${one('limit: 1').split('\n').slice(1).join('\n')}`, /policies\.1\.name: p is used twice/)
  told('policies: [', /at line/)
  told('', /the file: /)
  t.throws(() => readPolicies(join(directory, 'none.yaml')), { message: /ENOENT/ })
  t.end()
})

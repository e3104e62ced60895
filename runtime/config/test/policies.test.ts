import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readLimits, readPolicies } from '../policies.ts'

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

const limits = (text: string) => {
  const path = join(directory, `${files++}.yaml`)
  writeFileSync(path, text)
  return readLimits(path)
}

t.test('limits of those who log in are in the same file', (t) => {
  t.same(readLimits(undefined), [])
  t.same(limits(one('limit: 7')), [])
  t.same(read('limits: [{ name: a, method: click, session: 2h }]'), [])
  t.same(
    limits(`limits:
  - { name: guests, method: click, session: 2h, quota: 500 MB, per: session }
  - { name: boss, account: '*@example.org', devices: 3, wins: newest }
  - { name: fair, vouchers: fair*, quota: 2000000 }
`),
    [
      {
        name: 'guests',
        of: { kind: 'method', method: 'click' },
        sessionMs: 7_200_000,
        quotaBytes: 5e8,
        per: 'session',
      },
      { name: 'boss', of: { kind: 'account', pattern: '*@example.org' }, devices: 3, wins: 'newest' },
      { name: 'fair', of: { kind: 'vouchers', pattern: 'fair*' }, quotaBytes: 2_000_000 },
    ].map((each) => ({ sessionMs: null, devices: null, wins: 'first', quotaBytes: null, per: 'day', ...each })),
  )
  const told = (entry: string, message: RegExp) =>
    t.throws(() => limits(`limits: [{ ${entry} }]`), { code: 'CONFIG_INVALID', message })
  told('name: a', /limits\.0: give one of method, account and vouchers/)
  told('name: a, method: click, account: b', /limits\.0: give one of/)
  told('name: a, method: clock', /limits\.0\.method: /)
  told('name: a, method: click, session: 1s', /limits\.0\.session: 1s: allowed is a duration from 60s/)
  told('name: a, method: click, quota: much', /limits\.0\.quota: much: allowed is a size/)
  told('name: a, method: click, quota: 0', /limits\.0\.quota: 0: /)
  told('name: a, method: click, devices: 2', /limits\.0\.devices: whoever clicks/)
  told('name: a, account: b, devices: 0', /limits\.0\.devices: /)
  told('name: A, method: click', /limits\.0\.name: allowed are/)
  told('name: a, method: click }, { name: a, method: voucher', /limits\.1\.name: a is used twice/)
  t.end()
})

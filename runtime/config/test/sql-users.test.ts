import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSqlUsers } from '../sql-users.ts'

const directory = t.testdir()
let files = 0

function read(text: string) {
  const path = join(directory, `${files++}.yaml`)
  writeFileSync(path, text)
  return readSqlUsers(path)
}

const HASH = 'ab'.repeat(32)
const one = (more = 'hide: []') => `users:\n  - name: metrics\n    password_sha256: '${HASH}'\n    ${more}\n`

t.test('users with what they see and their limits', (t) => {
  t.same(readSqlUsers(undefined), [])
  t.same(read(one()), [{ name: 'metrics', passwordSha256: HASH, shown: null, hidden: [], limits: {} }])
  t.match(
    read(one('tables: [metrics, sessions.started_at]\n    max_time: 2m\n    max_memory: 100 MB\n    max_result: 1 MB')),
    [
      {
        shown: ['metrics', 'sessions.started_at'],
        limits: { maxExecutionSeconds: 120, maxMemoryBytes: 100e6, maxResultBytes: 1e6 },
      },
    ],
  )
  t.match(read(one('hide: [post_auth, sessions.username]')), [{ hidden: ['post_auth', 'sessions.username'] }])
  t.end()
})

t.test('a file that is no YAML is reported without its text, which holds hashes', (t) => {
  const path = join(directory, 'unquoted.yaml')
  writeFileSync(path, one().replace(`${HASH}'`, HASH))
  const message = "Missing closing 'quote at line 5, column 1"
  t.throws(() => readSqlUsers(path), { message: `GATEPOST_SQL_USERS=${path}: ${message}`, cause: undefined })
  t.end()
})

t.test('mistakes are reported with their place', (t) => {
  const told = (text: string, message: RegExp) => t.throws(() => read(text), { code: 'CONFIG_INVALID', message })
  told(one('max_time: 0s'), /^GATEPOST_SQL_USERS=\S+: users\.0\.max_time: 0s: allowed is a duration/)
  told(one('max_memory: much'), /users\.0\.max_memory: much: allowed is a size/)
  told(one('hide: ["x` TO y"]'), /users\.0\.hide\.0: allowed is a table/)
  told(one('tables: []'), /users\.0\.tables/)
  told(one('colour: red'), /users\.0: Unrecognized key: "colour"/)
  told(one().replace('metrics', 'admin'), /users\.0\.name: default, admin, operator are other users/)
  told(one().replace('metrics', 'a b'), /users\.0\.name: allowed are/)
  told(one().replace(HASH, 'secret'), /users\.0\.password_sha256: allowed are 64/)
  told(one() + one().slice('users:\n'.length), /users\.1\.name: metrics is used twice/)
  told('users: 3', /users: /)
  t.throws(() => readSqlUsers(join(directory, 'nosuch')), { code: 'CONFIG_INVALID', message: /ENOENT/ })
  t.end()
})

import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { instanceFile, readInstanceFile, removeInstanceFile, writeInstanceFile } from '../instance-file.ts'

const info = { pid: 4711, sqlUrl: 'http://127.0.0.1:8123', user: 'operator', key: 'k'.repeat(32) }

t.test('an instance announces itself to its owner only', (t) => {
  const directory = t.testdir()
  t.equal(readInstanceFile(directory), null)
  writeInstanceFile(directory, info)
  t.same(readInstanceFile(directory), info)
  t.equal(statSync(instanceFile(directory)).mode & 0o777, 0o600)
  writeInstanceFile(directory, { ...info, pid: 4712 })
  t.equal(readInstanceFile(directory)?.pid, 4712)
  removeInstanceFile(directory)
  t.equal(readInstanceFile(directory), null)
  removeInstanceFile(directory)
  t.end()
})

t.test('an invalid instance file counts as none', (t) => {
  const directory = t.testdir()
  mkdirSync(dirname(instanceFile(directory)), { recursive: true })
  for (const text of ['', '{"pid":', '{"pid":1}', 'null', JSON.stringify({ ...info, sqlUrl: 'somewhere' })]) {
    writeFileSync(instanceFile(directory), text)
    t.equal(readInstanceFile(directory), null, text)
  }
  t.end()
})

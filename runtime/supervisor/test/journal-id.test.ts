import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { journalId } from '../journal-id.ts'

t.test('a journal keeps its first name', async (t) => {
  const directory = t.testdir()
  const id = await journalId(directory)
  t.match(id, /^[0-9a-f]{16}$/)
  t.equal(await journalId(directory), id)
  t.same(readdirSync(directory), ['id'])
  t.not(await journalId(t.testdir({ other: {} }) + '/other'), id)
})

t.test('a partial name after a crash is replaced', async (t) => {
  const directory = t.testdir({ id: '', 'id.new': 'abc' })
  const id = await journalId(directory)
  t.match(id, /^[0-9a-f]{16}$/)
  t.equal(readFileSync(join(directory, 'id'), 'utf8'), `${id}\n`)
  writeFileSync(join(directory, 'id.new'), 'left over')
  t.equal(await journalId(directory), id)
})

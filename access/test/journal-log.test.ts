import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { pino } from 'pino'
import { accessContract } from './contract.ts'
import { compactAccessLog } from '../journal-compaction.ts'
import { FileAccessLog } from '../journal-log.ts'
import { ENDED_KEPT_MS } from '../log.ts'

const logger = pino({ level: 'silent' })

async function openIn(t: Test, directory: string): Promise<FileAccessLog> {
  const log = await FileAccessLog.open(directory, logger)
  t.teardown(() => log.close())
  return log
}

t.test('contract', (t) => {
  const directory = t.testdir()
  accessContract(t, (t) => openIn(t, directory))
  t.end()
})

const deny = (reason: string, until: number | null = null) =>
  ({ verdict: 'deny', reason, until, updatedAt: Date.now() }) as const

t.test('a partial record after a power loss damages no other record', async (t) => {
  const directory = t.testdir()
  const log = await openIn(t, directory)
  await log.put('mac:A', deny('a'))
  appendFileSync(join(directory, 'access-control.log'), '\n{"key":"mac:B","ent')
  await log.put('mac:C', deny('c'))
  const later = await openIn(t, directory)
  t.match([later.get('mac:A', 0)?.reason, later.get('mac:B', 0), later.get('mac:C', 0)?.reason], ['a', undefined, 'c'])
  t.equal(later.malformed, 1)
  t.equal(statSync(join(directory, 'access-control.log')).mode & 0o777, 0o600)
})

t.test('compaction keeps the decisions in force and loses no record that is appended meanwhile', async (t) => {
  const directory = t.testdir()
  const log = await openIn(t, directory)
  for (let index = 0; index < 200; index++) await log.put(`mac:${index % 10}`, deny(String(index)))
  await log.put('session:over', deny('over', Date.now() - ENDED_KEPT_MS - 1))
  await log.put('session:ended', deny('ended', Date.now() - 1))
  await log.put('mac:0', null)
  const winner = await log.claim('bind:x', { ...deny('first'), data: { mac: 'A' } })
  t.match(winner, { reason: 'first' })
  const size = statSync(join(directory, 'access-control.log')).size
  const writing = (async () => {
    for (let index = 0; index < 300; index++) await log.put(`late:${index}`, deny('late'))
  })()
  for (let round = 0; round < 5; round++) {
    await compactAccessLog(directory, Date.now())
    await sleep(5)
  }
  await writing
  t.ok(statSync(join(directory, 'access-control.log')).size < size + 300 * 130)
  for (const reader of [log, await openIn(t, directory)]) {
    await sleep(300)
    t.equal([...reader.entries('late:', Date.now())].length, 300, 'nothing is lost')
    t.equal([...reader.entries('mac:', Date.now())].length, 9)
    t.match(reader.get('mac:9', Date.now()), { reason: '199' })
    t.match(reader.get('bind:x', Date.now()), { reason: 'first' })
  }
  t.notOk(readFileSync(join(directory, 'access-control.log'), 'utf8').includes('session:over'))
})

t.test('two compactions at once, and writers beside them, lose nothing', async (t) => {
  const directory = t.testdir()
  const log = await openIn(t, directory)
  for (let index = 0; index < 100; index++) await log.put(`mac:${index}`, deny('before'))
  const writing = (async () => {
    for (let index = 0; index < 200; index++) await log.put(`late:${index}`, deny('late'))
  })()
  for (let round = 0; round < 5; round++)
    await Promise.all([compactAccessLog(directory, Date.now()), compactAccessLog(directory, Date.now())])
  await writing
  const reader = await openIn(t, directory)
  t.equal([...reader.entries('mac:', Date.now())].length, 100)
  t.equal([...reader.entries('late:', Date.now())].length, 200)
})

t.test('a directory without the file is not compacted', async (t) => {
  await t.resolves(compactAccessLog(t.testdir(), Date.now()))
})

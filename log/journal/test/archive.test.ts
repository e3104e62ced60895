import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { STREAMS, type Stream } from '../../../schemas/streams/index.ts'
import type { Batch } from '../../../schemas/batch.ts'
import { tryLockDirectory } from '../../../common/directory-lock.ts'
import { makeBatch, payloadsOf, readBatches } from '../../test/contract.ts'
import { Archive, assertArchive, readArchive, REWRITE_LOCK, type Erased } from '../archive.ts'
import { JournalReader } from '../reader.ts'
import { rewriteArchive } from '../rewrite-archive.ts'
import { JournalWriter } from '../writer.ts'

const logger = createLogger('archive-test')
logger.level = 'silent'

const HOUR = 3_600_000
/** An hour for every stream. */
const HOURS = Object.fromEntries(STREAMS.map((stream) => [stream, HOUR])) as Record<Stream, number>

/** Writes each batch as a segment of its own, reads and commits them all. */
async function pass(
  t: Test,
  batches: readonly Batch[],
  maxBytes: number,
  erased?: () => Promise<Erased>,
): Promise<string> {
  const directory = t.testdir()
  const journal = join(directory, 'journal')
  const archive = await Archive.open(join(directory, 'archive'), { maxBytes, maxAgeMs: HOURS })
  const reader = new JournalReader({ directory: journal, archive, ...(erased && { erased }), logger })
  for (const batch of batches) {
    const slot = join(journal, '0')
    const options = { directory: slot, maxBytes: 2 ** 24, segmentMaxBytes: 2 ** 20, sealAfterMs: 400, logger }
    const writer = await JournalWriter.open(options)
    await writer.append(batch)
    await writer.close()
    const { gathers } = await readBatches(reader, 1)
    for (const gathered of gathers) await reader.commit(gathered)
  }
  t.same(readdirSync(join(journal, '0')), [])
  return join(directory, 'archive')
}

async function payloads(archive: string, from = 0, to = Infinity): Promise<string[]> {
  const found: string[] = []
  for await (const { batches } of readArchive(archive, 'dead_letters', from, to))
    found.push(...batches.flatMap(payloadsOf))
  return found
}

t.test('committed segments are kept, and found by time', async (t) => {
  const now = Date.now()
  const archive = await pass(
    t,
    [makeBatch(['a'], now - 2000), makeBatch(['b'], now - 1000), makeBatch(['c'], now)],
    2 ** 24,
  )
  t.same(await payloads(archive), ['a', 'b', 'c'])
  t.same(await payloads(archive, now - 1000), ['b', 'c'])
  t.same(await payloads(archive, now - 1500, now), ['b'])
  t.same(await payloads(archive, now + 1), [])
})

t.test('the oldest segments are removed when the size limit is reached, also at the next start', async (t) => {
  const batches = Array.from({ length: 5 }, (_, index) => makeBatch([String(index).repeat(10_000)]))
  const archive = await pass(t, batches, 25_000)
  t.same(
    (await payloads(archive)).map((payload) => payload[0]),
    ['3', '4'],
  )
  const opened = await Archive.open(archive, { maxBytes: 15_000, maxAgeMs: HOURS })
  t.ok(opened.usedBytes <= 15_000)
  t.same(
    (await payloads(archive)).map((payload) => payload[0]),
    ['4'],
  )
})

t.test('segments older than the retention of their tables are removed', async (t) => {
  const archive = await pass(t, [makeBatch(['a']), makeBatch(['b'])], 2 ** 24)
  const bounds = { maxBytes: 2 ** 24, maxAgeMs: HOURS }
  const [first] = readdirSync(join(archive, 'dead_letters')).sort()
  const old = first.replace(/-\d+-/, `-${String(Date.now() - 2 * HOUR).padStart(14, '0')}-`)
  renameSync(join(archive, 'dead_letters', first), join(archive, 'dead_letters', old))
  await Archive.open(archive, bounds)
  t.same(await payloads(archive), ['b'])
})

t.test(
  'each stream is removed by its own age, and the oldest segment of all when the size limit is reached',
  async (t) => {
    const directory = join(t.testdir(), 'archive')
    const fill = async () => {
      const archive = await Archive.open(directory, { maxBytes: 1000, maxAgeMs: { ...HOURS, post_auth: 4 * HOUR } })
      for (const [age, stream] of [
        [3, 'post_auth'],
        [2, 'gateway_pings'],
        [0.5, 'gateway_pings'],
      ] as const) {
        const name = `${stream}-${String(Math.round(Date.now() - age * HOUR)).padStart(14, '0')}-abc-00000001.avro`
        writeFileSync(join(directory, name), 'x'.repeat(100))
        await archive.keep(join(directory, name), name)
      }
      return archive
    }
    const archive = await fill()
    t.equal(archive.usedBytes, 200)
    t.equal(readdirSync(join(directory, 'post_auth')).length, 1)
    t.equal(readdirSync(join(directory, 'gateway_pings')).length, 1)
    const smaller = await Archive.open(directory, { maxBytes: 150, maxAgeMs: { ...HOURS, post_auth: 4 * HOUR } })
    t.equal(smaller.usedBytes, 100)
    t.same(readdirSync(join(directory, 'post_auth')), [])
  },
)

t.test('small segments are read together', async (t) => {
  const archive = await pass(t, [makeBatch(['a']), makeBatch(['b']), makeBatch(['c'])], 2 ** 24)
  const parts: string[][] = []
  for await (const { batches } of readArchive(archive, 'dead_letters', 0, Infinity))
    parts.push(batches.flatMap(payloadsOf))
  t.same(parts, [['a', 'b', 'c']])
})

t.test('a missing archive is reported', (t) => {
  const directory = t.testdir()
  assertArchive(directory)
  t.throws(() => assertArchive(join(directory, 'none')), { code: 'INPUT_INVALID' })
  t.end()
})

t.test('the intact part of a damaged segment is read, and the damage is reported', async (t) => {
  const archive = await pass(t, [makeBatch(['a'])], 2 ** 24)
  const [name] = readdirSync(join(archive, 'dead_letters'))
  const path = join(archive, 'dead_letters', name)
  writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('more')]))
  for await (const part of readArchive(archive, 'dead_letters', 0, Infinity)) {
    t.equal(part.damaged, 1)
    t.same(part.batches.flatMap(payloadsOf), ['a'])
    t.equal(part.bytesRead, part.bytesInAll)
  }
})

t.test('a segment that was moved already is not an error', async (t) => {
  const archive = await Archive.open(join(t.testdir(), 'archive'), { maxBytes: 2 ** 20, maxAgeMs: HOURS })
  await archive.keep(join(t.testdirName, 'gone'), 'dead_letters-00001790000000-abc-00000001.avro')
  t.equal(archive.usedBytes, 0)
})

t.test('segments are rewritten without the erased records, and others stay unchanged', async (t) => {
  const archive = await pass(t, [makeBatch(['a', 'b']), makeBatch(['c'])], 2 ** 24)
  const directory = join(archive, 'dead_letters')
  const bytes = () => readdirSync(directory).map((name) => readFileSync(join(directory, name)))
  const [, untouched] = bytes()
  const withoutFirst = (batch: Batch) => (payloadsOf(batch).includes('a') ? null : batch)
  t.same(await rewriteArchive(archive, withoutFirst, true), { segments: 1, records: 2 })
  t.same(await payloads(archive), ['a', 'b', 'c'], 'a dry run changes nothing')
  t.same(await rewriteArchive(archive, withoutFirst, false), { segments: 1, records: 2 })
  t.same(await payloads(archive), ['c'])
  t.equal(bytes().length, 2)
  t.same(bytes()[1], untouched)
  for await (const { damaged } of readArchive(archive, 'dead_letters', 0, Infinity)) t.equal(damaged, 0)
  t.same(await rewriteArchive(archive, withoutFirst, false), { segments: 0, records: 0 })
})

t.test('records of people who were erased before do not reach the archive', async (t) => {
  const now = Date.now()
  const mixed = makeBatch(['stays'], now)
  const batches = [
    makeBatch(['gone', 'also gone'], now),
    mixed,
    makeBatch(['gone', 'later'], now + 2),
    makeBatch(['x'], now + 2),
  ]
  let asked = 0
  const without = (batch: Batch) => {
    asked++
    return payloadsOf(batch).includes('gone') ? null : batch
  }
  const archive = await pass(t, batches, 2 ** 24, () => Promise.resolve({ newest: now + 1, without }))
  t.same(await payloads(archive), ['stays', 'gone', 'later', 'x'], 'records received later are kept')
  t.equal(asked, 2, 'nor is it read')
  t.equal(readdirSync(join(archive, 'dead_letters')).length, 3, 'a segment without remaining records is not kept')
  for await (const { damaged } of readArchive(archive, 'dead_letters', 0, Infinity)) t.equal(damaged, 0)
})

t.test('a segment is rewritten without them, and counts with its new size', async (t) => {
  const directory = t.testdir({ journal: {} })
  const journal = join(directory, 'journal', '0')
  const options = { directory: journal, maxBytes: 2 ** 24, segmentMaxBytes: 2 ** 20, sealAfterMs: 60_000, logger }
  const writer = await JournalWriter.open(options)
  for (const payload of ['a', 'b', 'c']) await writer.append(makeBatch([payload]))
  await writer.close()
  const [name] = readdirSync(journal)
  const archive = await Archive.open(join(directory, 'archive'), { maxBytes: 2 ** 24, maxAgeMs: HOURS })
  const without = (batch: Batch) => (payloadsOf(batch).includes('b') ? null : batch)
  await archive.keep(join(journal, name), name, { newest: Infinity, without })
  t.same(await payloads(join(directory, 'archive')), ['a', 'c'])
  t.same(readdirSync(journal), [])
  t.equal(archive.usedBytes, statSync(join(directory, 'archive', 'dead_letters', name)).size)
  await archive.keep(join(journal, name), name, { newest: Infinity, without })
  t.same(await payloads(join(directory, 'archive')), ['a', 'c'], 'again later: nothing new')
})

t.test('files of an interrupted attempt are removed', async (t) => {
  // Symptom: a segment that was half rewritten stayed for ever, with the records of people who were to be erased. Root cause: no code
  // removed files of that name.
  const archive = await pass(t, [makeBatch(['a', 'b'])], 2 ** 24)
  const directory = join(archive, 'dead_letters')
  const [name] = readdirSync(directory)
  const leave = () => {
    for (const suffix of ['new', 'arriving']) writeFileSync(join(directory, `${name}.${suffix}`), 'somebody')
  }
  leave()
  const lock = await tryLockDirectory(archive, REWRITE_LOCK)
  await Archive.open(archive, { maxBytes: 2 ** 24, maxAgeMs: HOURS })
  t.same(readdirSync(directory), [name, `${name}.new`], 'another process may write that one right now')
  await lock?.release()
  await Archive.open(archive, { maxBytes: 2 ** 24, maxAgeMs: HOURS })
  t.same(readdirSync(directory), [name])
  leave()
  await rewriteArchive(archive, (batch) => batch, true)
  t.equal(readdirSync(directory).length, 3, 'a dry run changes nothing')
  await rewriteArchive(archive, (batch) => batch, false)
  t.same(readdirSync(directory), [name, `${name}.arriving`])
})

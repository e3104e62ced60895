import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { parseSchema, recordSchema, type RecordSchema } from '../../../schemas/avro.ts'
import type { Batch } from '../../../schemas/batch.ts'
import { CODEC_KEY, containerHeader } from '../../../schemas/container.ts'
import { openContainer } from '../../../schemas/opened-container.ts'
import { makeBatch, payloadsOf } from '../../test/contract.ts'
import { messageValue } from '../../kafka/message.ts'
import { JournalReader } from '../reader.ts'
import { recoverSlot } from '../recover.ts'
import { JournalWriter } from '../writer.ts'

/* Segments that another version of Gatepost wrote. test/installations/upgrade.test.ts tests how records of an earlier version are stored. */

const logger = pino({ level: 'silent' })

/** Records of a later version, which has one more field. */
const LATER = later((fields) => [...fields, { name: 'added', type: 'string', default: '' }])

function later(change: (fields: { name: string; type: unknown }[]) => unknown[]): RecordSchema {
  const source = JSON.parse(recordSchema('dead_letters').json) as { fields: { name: string; type: unknown }[] }
  return parseSchema('dead_letters', JSON.stringify({ ...source, fields: change(source.fields) }), '99.0.0')
}

function laterBatch(payload: string): Batch {
  const batch = makeBatch([payload])
  // The added field comes after the others: an empty string.
  return { ...batch, schema: LATER, records: Buffer.concat([batch.records, Buffer.from([0])]) }
}

async function slotWith(t: Test, batches: readonly Batch[]): Promise<{ journal: string; slot: string }> {
  const journal = t.testdir({ slot: {} })
  const slot = join(journal, '0')
  mkdirSync(slot)
  const options = { directory: slot, maxBytes: 2 ** 24, segmentMaxBytes: 2 ** 20, sealAfterMs: 500, logger }
  const writer = await JournalWriter.open(options)
  for (const batch of batches) await writer.append(batch)
  await writer.close()
  return { journal, slot }
}

const sealed = (slot: string) => readdirSync(slot).filter((name) => name.endsWith('.avro'))

t.test('records of a later version are held, and do not block others', async (t) => {
  const { journal, slot } = await slotWith(t, [makeBatch(['before']), laterBatch('later'), makeBatch(['after'])])
  t.equal(sealed(slot).length, 3, 'a segment has one schema')
  const reader = new JournalReader({ directory: journal, logger })
  const gathered = await reader.read('dead_letters', 2 ** 24)
  t.same(gathered?.batches.flatMap(payloadsOf), ['before', 'after'])
  if (gathered !== null) await reader.commit(gathered)
  t.equal(await reader.read('dead_letters', 2 ** 24), null)
  t.equal(reader.stats.heldSegments, 1)
  t.equal(reader.stats.corruptSegments, 0)
  t.equal(sealed(slot).length, 1)
  t.ok((await reader.lag('dead_letters')).bytes > 0, 'they count as lag')
  t.notOk(existsSync(join(journal, 'corrupt')))
})

t.test('an open segment of a later version is sealed like any other', async (t) => {
  const { slot } = await slotWith(t, [laterBatch('whole')])
  const [name] = sealed(slot)
  renameSync(join(slot, name), join(slot, `${name}.open`))
  const bytes = readFileSync(join(slot, `${name}.open`))
  writeFileSync(join(slot, `${name}.open`), Buffer.concat([bytes, bytes.subarray(-30, -10)]))
  t.match(await recoverSlot(slot, logger), { sealed: 1, removed: 0, truncatedBytes: 20 })
  t.same(readFileSync(join(slot, name)), bytes)
})

t.test('a segment that this version cannot parse is left unchanged', async (t) => {
  const { journal, slot } = await slotWith(t, [makeBatch(['packed'])])
  const [name] = sealed(slot)
  const bytes = readFileSync(join(slot, name))
  const at = bytes.indexOf(CODEC_KEY) + CODEC_KEY.length + 1
  bytes.write('zstd', at, 'latin1')
  for (const suffix of ['', '.open']) writeFileSync(join(slot, name + suffix), bytes)
  t.match(await recoverSlot(slot, logger), { sealed: 0, removed: 0, putAside: 0, left: 1 })
  for (const passesOn of [false, true]) {
    const reader = new JournalReader({ directory: journal, passesOn, logger })
    t.equal(await reader.read('dead_letters', 2 ** 24), null)
    t.equal(reader.stats.heldSegments, 1)
  }
  for (const suffix of ['', '.open']) t.same(readFileSync(join(slot, name + suffix)), bytes)
})

t.test('a spill resends them as they were written', async (t) => {
  const { journal } = await slotWith(t, [laterBatch('later')])
  const reader = new JournalReader({ directory: journal, passesOn: true, logger })
  const [batch] = (await reader.read('dead_letters', 2 ** 24))?.batches ?? []
  t.same(batch.schema.fingerprint, LATER.fingerprint)
  const value = messageValue(batch)
  t.match(openContainer('dead_letters', value), { schema: { since: '99.0.0' }, start: containerHeader(LATER).length })
})

t.test('an open file that is not the beginning of a segment is kept', async (t) => {
  const { journal, slot } = await slotWith(t, [makeBatch(['gone'])])
  const [name] = sealed(slot)
  writeFileSync(join(slot, `${name}.open`), Buffer.alloc(3000, 7))
  t.match(await recoverSlot(slot, logger), { sealed: 0, removed: 0, putAside: 1 })
  t.same(readdirSync(join(journal, 'corrupt')), [`${name}.open`])
})

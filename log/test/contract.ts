import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { recordSchema } from '../../schemas/avro.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { decodeRecords } from '../../test/helpers/decode.ts'
import { NEVER_MS } from '../../test/helpers/until.ts'
import type { Gathered, LogReader, LogWriter } from '../contract.ts'
import { BATCH_SPAN_MS, type Batch } from '../../schemas/batch.ts'

/** What an implementation of the record log provides to these tests. */
export interface LogUnderTest {
  openWriter(): Promise<LogWriter>
  openReader(): Promise<LogReader>
}

/** A batch of dead letters with these payloads. */
export function makeBatch(
  payloads: readonly string[],
  receivedAt = Date.now(),
  stream: Stream = 'dead_letters',
  batchId = randomBytes(16),
): Batch {
  const schema = recordSchema(stream)
  const records = payloads.map((payload, index) =>
    schema.type.toBuffer({
      received_at: receivedAt,
      batch_id: batchId,
      batch_index: index,
      source: 'ping',
      reason: 'bad_telemetry',
      error: '',
      payload,
    }),
  )
  return {
    stream,
    schema,
    batchId,
    recordCount: payloads.length,
    minReceivedAt: receivedAt,
    maxReceivedAt: receivedAt,
    records: Buffer.concat(records),
  }
}

/** The payloads in a batch. */
export function payloadsOf(batch: Batch): string[] {
  return decodeRecords(batch.stream, batch.records, batch.recordCount).map(({ record }) => record['payload'] as string)
}

/** Reads until `count` batches have come. */
export async function readBatches(
  reader: LogReader,
  count: number,
  maxBytes = 2 ** 24,
): Promise<{ batches: Batch[]; gathers: Gathered[] }> {
  const batches: Batch[] = []
  const gathers: Gathered[] = []
  const deadline = Date.now() + NEVER_MS
  while (batches.length < count && Date.now() < deadline) {
    const gathered = await reader.read('dead_letters', maxBytes)
    if (gathered === null) await new Promise((resolve) => setTimeout(resolve, 10))
    else {
      batches.push(...gathered.batches)
      gathers.push(gathered)
    }
  }
  return { batches, gathers }
}

/**
 * The contract of every record log. `open` returns a fresh, empty log. Writers are open until their batches have come: what Kafka does not
 * take within a second waits in the spill, and a closed writer sends nothing any more.
 */
export function logContract(t: Test, name: string, open: (t: Test) => Promise<LogUnderTest>): void {
  t.test(`${name}: what was appended is read: bytes, identity, count, window, order`, async (t) => {
    const log = await open(t)
    const writer = await log.openWriter()
    const sent = [makeBatch(['a', 'b', 'c']), makeBatch(['d']), makeBatch(['é'.repeat(10_000)])]
    for (const batch of sent) await writer.append(batch)
    const reader = await log.openReader()
    const { batches } = await readBatches(reader, 3)
    t.equal(batches.length, 3)
    batches.forEach((batch, index) => {
      t.same(Buffer.from(batch.batchId), sent[index].batchId)
      t.equal(batch.recordCount, sent[index].recordCount)
      t.same(payloadsOf(batch), payloadsOf(sent[index]))
      t.equal(batch.minReceivedAt, sent[index].minReceivedAt)
      t.ok(
        batch.maxReceivedAt >= sent[index].maxReceivedAt &&
          batch.maxReceivedAt <= sent[index].minReceivedAt + BATCH_SPAN_MS,
      )
    })
    await writer.close()
    await reader.close()
  })

  t.test(`${name}: appends at once all get in, each once`, async (t) => {
    const log = await open(t)
    const writer = await log.openWriter()
    const reader = await log.openReader()
    await Promise.all(Array.from({ length: 50 }, (_, index) => writer.append(makeBatch([String(index)]))))
    const { batches } = await readBatches(reader, 50)
    t.same(
      batches.flatMap(payloadsOf).sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: 50 }, (_, index) => String(index)),
    )
    t.equal(await reader.read('dead_letters', 2 ** 24), null)
    await writer.close()
    await reader.close()
  })

  t.test(`${name}: topics are apart`, async (t) => {
    const log = await open(t)
    const writer = await log.openWriter()
    await writer.append(makeBatch(['x']))
    const reader = await log.openReader()
    t.equal(await reader.read('gateway_pings', 2 ** 24), null)
    t.equal((await readBatches(reader, 1)).batches.length, 1)
    await writer.close()
    await reader.close()
  })

  t.test(`${name}: a gather is bounded, and a larger batch comes alone`, async (t) => {
    const log = await open(t)
    const writer = await log.openWriter()
    for (let index = 0; index < 6; index++) await writer.append(makeBatch(['x'.repeat(index === 2 ? 5000 : 300)]))
    const reader = await log.openReader()
    const { batches, gathers } = await readBatches(reader, 6, 1000)
    await writer.close()
    t.equal(batches.length, 6)
    for (const gathered of gathers)
      t.ok(gathered.bytes <= 1000 || gathered.batches.length === 1, `${gathered.bytes} bytes`)
    await reader.close()
  })

  t.test(`${name}: what was read and not committed comes again; what was committed does not`, async (t) => {
    const log = await open(t)
    const writer = await log.openWriter()
    await writer.append(makeBatch(['first']))
    const reader = await log.openReader()
    await readBatches(reader, 1)
    await writer.close()
    reader.rewind('dead_letters')
    const again = await readBatches(reader, 1)
    t.same(again.batches.flatMap(payloadsOf), ['first'])
    await reader.close()

    const second = await log.openReader()
    const { gathers } = await readBatches(second, 1)
    t.ok(((await second.lag('dead_letters')).oldestAt as number) <= Date.now())
    for (const gathered of gathers) await second.commit(gathered)
    const lag = await second.lag('dead_letters')
    t.match(lag, { bytes: 0, oldestAt: null })
    t.ok(lag.batches === null || lag.batches === 0)
    await second.close()

    const third = await log.openReader()
    t.equal(await third.read('dead_letters', 2 ** 24), null)
    await third.close()
  })

  t.test(`${name}: a closed writer refuses`, async (t) => {
    const log = await open(t)
    const writer = await log.openWriter()
    await writer.close()
    await t.rejects(writer.append(makeBatch(['late'])), { code: 'LOG_CLOSED' })
  })
}

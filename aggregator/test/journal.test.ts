import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { slotDirectory } from '../../log/journal/layout.ts'
import { JournalReader } from '../../log/journal/reader.ts'
import { JournalWriter } from '../../log/journal/writer.ts'
import { STREAMS } from '../../schemas/streams/index.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import { makeBatch, repeated } from '../../schemas/test/records.ts'
import { startAggregator } from '../aggregator.ts'

const logger = createLogger('journal-test')
logger.level = 'silent'

t.test('the records of the journal are in the tables once, and the journal is empty', async (t) => {
  const directory = t.testdir()
  const journal = directory + '/journal'
  const store = await openMigratedStore({ path: directory + '/store', logger })
  t.teardown(() => store.close())
  const reader = new JournalReader({ directory: journal, logger })
  const aggregator = startAggregator({ reader, store, logger, gatherMaxMs: 20 })

  const writers = await Promise.all(
    [0, 1].map((slot) =>
      JournalWriter.open({
        directory: slotDirectory(journal, slot),
        maxBytes: 2 ** 30,
        segmentMaxBytes: 20_000,
        sealAfterMs: 20,
        logger,
      }),
    ),
  )
  for (let round = 0; round < 50; round++) {
    await Promise.all(
      writers.flatMap((writer) => STREAMS.map((stream) => writer.append(makeBatch(stream, Date.now(), repeated(10))))),
    )
  }
  for (const writer of writers) await writer.close()
  await aggregator.stop(60_000)

  for (const stream of STREAMS) {
    const [counted] = await store.query(
      `SELECT count() AS rows, uniqExact(batch_id, batch_index) AS records FROM gatepost.${stream}`,
    )
    t.same(counted, { rows: '1000', records: '1000' })
    t.match(await reader.lag(stream), { bytes: 0, oldestAt: null })
    t.match(aggregator.stats().get(stream), { rows: 1000, duplicates: 0, failures: 0 })
  }
})

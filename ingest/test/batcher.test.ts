import t from 'tap'
import type { Batching, LogWriter } from '../../log/contract.ts'
import type { Batch } from '../../schemas/batch.ts'
import { BatchSequence, StreamBatcher } from '../batcher.ts'
import { deadLetterBytes, encodeDeadLetter, type DeadLetter } from '../encode/dead-letter.ts'

/** A log whose appends end when the test says so. */
class SlowLog implements LogWriter {
  readonly appended: { records: number; bytes: number; end: () => void }[] = []
  readonly batching?: Batching

  constructor(batching?: Batching) {
    if (batching !== undefined) this.batching = batching
  }

  nextPartition(): number {
    return 0
  }

  append(batch: Batch): Promise<void> {
    return new Promise((end) =>
      this.appended.push({ records: batch.recordCount, bytes: batch.records.length, end: () => end() }),
    )
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

function add(batcher: StreamBatcher, payload: string, now = Date.now()): boolean {
  const letter: DeadLetter = { source: 'ping', reason: 'bad_telemetry', error: '', payload, remoteIp: '', sender: '' }
  const batch = batcher.begin(deadLetterBytes(letter), now)
  if (batch === null) return false
  encodeDeadLetter(batch.cursor, letter)
  batcher.end(batch)
  return true
}

t.test('a log that sets no limits: one commit in progress, and later records go into the next one', async (t) => {
  const log = new SlowLog()
  const batcher = new StreamBatcher('dead_letters', log, new BatchSequence())
  add(batcher, 'a')
  add(batcher, 'b')
  await turn()
  for (let number = 0; number < 100; number++) add(batcher, 'x'.repeat(1000))
  await turn()
  t.match(log.appended, [{ records: 2 }])
  log.appended[0].end()
  await turn()
  t.match(log.appended, [{ records: 2 }, { records: 100 }])
})

t.test(
  'a log that accepts several batches in flight: small ones at once, larger ones if they have to wait',
  async (t) => {
    const log = new SlowLog({ sealBytes: 10_000, maxInFlight: 2, maxBatches: 6 })
    const batcher = new StreamBatcher('dead_letters', log, new BatchSequence())
    const records = () => log.appended.map((each) => each.records)
    for (let number = 0; number < 4; number++) {
      add(batcher, 'small')
      await turn()
    }
    t.same(records(), [1, 1], 'the third waits')
    log.appended[0].end()
    await turn()
    t.same(records(), [1, 1, 2])
    while (add(batcher, 'x'.repeat(1000)));
    t.equal(log.appended.length, 1 + 6, 'full ones do not wait, and all of them are bounded')
    t.ok(
      log.appended.slice(3).every(({ bytes }) => bytes > 2000 && bytes <= 10_000),
      'none is above the limit',
    )
    for (let index = 1; index < log.appended.length; index++) log.appended[index].end()
    await batcher.flush()

    add(batcher, 'small')
    add(batcher, 'x'.repeat(50_000))
    add(batcher, 'small')
    await turn()
    t.same(records().slice(7), [1, 1, 1], 'a larger record goes alone')
    t.ok(log.appended[8].bytes > 50_000)
  },
)

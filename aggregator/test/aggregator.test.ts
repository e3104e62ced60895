import t from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import type { Batch } from '../../schemas/batch.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Store } from '../../store/contract.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import { retentionOf } from '../../store/retention.ts'
import { batchUuid } from '../../store/exactly-once/identity.ts'
import { makeBatch, repeated } from '../../schemas/test/records.ts'
import { startAggregator, type AggregatorOptions } from '../aggregator.ts'
import { aggregatorMetrics } from '../metrics.ts'
import type { StreamStats } from '../stats.ts'
import { MemoryLog } from './memory-log.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** The minutes before it are in the same month: at the beginning of a day it is an hour ago. */
const now = Date.now() - (Date.now() % DAY < HOUR / 2 ? HOUR : 0)

const logger = createLogger('aggregator-test')
logger.level = 'silent'
const store = await openMigratedStore({ path: t.testdir() + '/store', logger })
t.teardown(() => store.close())

/** Runs an aggregator over a log until there is no lag. @returns its counts */
async function drain(
  log: MemoryLog,
  options: Partial<AggregatorOptions> = {},
): Promise<(stream: Stream) => StreamStats> {
  let failure: unknown = null
  const aggregator = startAggregator({
    reader: log,
    store,
    logger,
    gatherMaxMs: 0,
    pollMs: 5,
    onFatal: (error) => (failure = error),
    ...options,
  })
  await aggregator.stop(60_000)
  if (failure !== null) throw failure as Error
  return (stream) => aggregator.stats().get(stream) as StreamStats
}

/** Rows of each batch in a table. */
async function rowsOf(stream: Stream, batches: readonly Batch[]): Promise<number[]> {
  const rows = await store.query<{ batch_id: string; rows: string; places: string }>(
    `SELECT batch_id, count() AS rows, uniqExact(batch_index) AS places FROM gatepost.${stream} GROUP BY batch_id`,
  )
  const counts = new Map(rows.map((row) => [row.batch_id, row.rows === row.places ? Number(row.rows) : NaN]))
  return batches.map((batch) => counts.get(batchUuid(batch)) ?? 0)
}

interface Letter {
  batch_index: number
  reason: string
  payload: string
}

function lettersOf(batch: Batch): Promise<Letter[]> {
  return store.query<Letter>(
    `SELECT batch_index, reason, payload FROM gatepost.dead_letters
     WHERE batch_id = {id:UUID} AND source = {stream:String} ORDER BY batch_index`,
    { id: batchUuid(batch), stream: batch.stream },
  )
}

t.test('every batch of every stream is stored once, whatever the order and number of its copies', async (t) => {
  const log = new MemoryLog()
  const made = STREAMS.map((stream) =>
    [0, 1, 2, 3].map((minute) => makeBatch(stream, now - minute * 60_000, repeated(7))),
  )
  for (const batches of made) log.append(...batches, ...[...batches].reverse(), batches[2])
  const stats = await drain(log, { gatherMaxBytes: 1000 })
  for (const [index, stream] of STREAMS.entries()) {
    t.same(await rowsOf(stream, made[index]), [7, 7, 7, 7])
    t.equal(log.committed(stream), 9)
    t.match(stats(stream), { rows: 28, duplicates: 5, failures: 0 })
  }
  log.replay()
  const again = await drain(log)
  for (const [index, stream] of STREAMS.entries()) {
    t.same(await rowsOf(stream, made[index]), [7, 7, 7, 7])
    t.match(again(stream), { rows: 0, duplicates: 9, inserts: 1 })
  }
})

t.test('a gather across the end of a month makes one insert for each month', async (t) => {
  const log = new MemoryLog()
  const monthStart = new Date(now).setUTCDate(1) - (now % DAY)
  const batches = [monthStart - 1, monthStart, monthStart - 2000].map((at) =>
    makeBatch('gateway_pings', at, repeated(3)),
  )
  log.append(...batches)
  t.match((await drain(log))('gateway_pings'), { rows: 9, inserts: 2 })
  t.same(await rowsOf('gateway_pings', batches), [3, 3, 3])
})

t.test('batches whose rows would expire are left out and counted', async (t) => {
  const log = new MemoryLog()
  const batches = [40 * DAY, 32 * DAY - HOUR / 2, DAY].map((age) => makeBatch('post_auth', now - age, repeated(3)))
  log.append(...batches)
  t.match((await drain(log))('post_auth'), { rows: 3, expired: 2 })
  t.same(await rowsOf('post_auth', batches), [0, 0, 3])
  t.equal(log.committed('post_auth'), 3)
})

t.test('each stream has its own retention', async (t) => {
  const log = new MemoryLog()
  const streams = ['post_auth', 'gateway_pings', 'dead_letters'] as const
  const made = streams.map((stream) => [20 * DAY, 13 * DAY].map((age) => makeBatch(stream, now - age, repeated(3))))
  for (const batches of made) log.append(...batches)
  const stats = await drain(log, { retention: retentionOf(32, { gateway_pings: 14, dead_letters: 10 }) })
  const counted = streams.map((stream) => [stats(stream).rows, stats(stream).expired])
  t.same(counted, [
    [6, 0],
    [3, 1],
    [0, 2],
  ])
  t.same(await Promise.all(streams.map((stream, index) => rowsOf(stream, made[index]))), [
    [3, 3],
    [0, 3],
    [0, 0],
  ])
})

t.test('records that the store refuses become dead letters, and the others of their batch are stored', async (t) => {
  await store.command(`ALTER TABLE gatepost.gateway_auth ADD CONSTRAINT no_mallory CHECK ip != 'mallory'`)
  t.teardown(() => store.command('ALTER TABLE gatepost.gateway_auth DROP CONSTRAINT no_mallory'))
  const log = new MemoryLog()
  const mixed = makeBatch('gateway_auth', now, [{}, { ip: 'mallory', incoming: 5n }, {}, {}, { ip: 'mallory' }])
  const bad = makeBatch('gateway_auth', now, [{ ip: 'mallory' }])
  const good = Array.from({ length: 9 }, () => makeBatch('gateway_auth', now, repeated(4)))
  log.append(...good.slice(0, 5), mixed, bad, ...good.slice(5))
  const stats = await drain(log)
  t.match(stats('gateway_auth'), { rows: 39, failures: 0 })
  t.same(Object.fromEntries(stats('gateway_auth').deadLetters), { refused_by_store: 3, undecodable: 0 })
  for (const round of ['first', 'replayed']) {
    t.same(await rowsOf('gateway_auth', [mixed, bad, ...good]), [3, 0, ...good.map(() => 4)], round)
    const letters = await lettersOf(mixed)
    t.match(letters, [
      { batch_index: 1, reason: 'refused_by_store' },
      { batch_index: 4, reason: 'refused_by_store' },
    ])
    t.match(JSON.parse(letters[0].payload), { ip: 'mallory', incoming: '5', batch_id: mixed.batchId.toString('hex') })
    t.match(await lettersOf(bad), [{ batch_index: 0 }])
    log.replay()
    await drain(log)
  }
})

t.test('the whole records of a truncated batch are stored, and one dead letter stands for the rest', async (t) => {
  const log = new MemoryLog()
  const whole = makeBatch('gateway_pings', now, repeated(10))
  const size = whole.records.length / 10
  const cut = { ...whole, records: whole.records.subarray(0, Math.floor(size * 6.5)) }
  const neighbours = [makeBatch('gateway_pings', now, repeated(2)), makeBatch('gateway_pings', now, repeated(2))]
  log.append(neighbours[0], cut, neighbours[1])
  for (const round of ['first', 'replayed']) {
    await drain(log)
    t.same(await rowsOf('gateway_pings', [neighbours[0], cut, neighbours[1]]), [2, 6, 2], round)
    t.match(await lettersOf(cut), [{ batch_index: 6, reason: 'undecodable', payload: /^[A-Za-z0-9+/]+=*$/ }])
    log.replay()
  }
})

t.test('a damaged dead letter is replaced by a dead letter about it', async (t) => {
  const log = new MemoryLog()
  const whole = makeBatch('dead_letters', now, repeated(4))
  const cut = { ...whole, records: whole.records.subarray(0, -5) }
  log.append(cut)
  for (const round of ['first', 'replayed']) {
    await drain(log)
    t.same(await rowsOf('dead_letters', [cut]), [4], round)
    t.match(await lettersOf(cut), [{ batch_index: 3, reason: 'undecodable' }])
    log.replay()
  }
})

t.test('damaged bytes do not block other records, and every loss is recorded', async (t) => {
  const log = new MemoryLog()
  const batches = Array.from({ length: 40 }, (_, index) => {
    const batch = makeBatch('gateway_auth', now, repeated(6, { extra: { key: 'value' } }))
    const records = Buffer.from(batch.records)
    // In every other batch one byte is changed, at a different place each time.
    if (index % 2 === 1) records[(index * 37) % records.length] ^= 0xff
    return { ...batch, records }
  })
  log.append(...batches)
  for (const round of ['first', 'replayed']) {
    const stats = await drain(log, { retryForMs: 0 })
    t.equal(log.committed('gateway_auth'), 40, round)
    const rows = await rowsOf('gateway_auth', batches)
    for (const [index, batch] of batches.entries()) {
      const letters = await lettersOf(batch)
      const undecodable = letters.find(({ reason }) => reason === 'undecodable')
      const refused = letters.filter(({ reason }) => reason === 'refused_by_store').length
      const rest = undecodable ? 6 - undecodable.batch_index : 0
      t.equal(rows[index] + refused + rest, 6, `${round}: batch ${index}`)
    }
    t.equal(stats('gateway_auth').failures, 0)
    log.replay()
  }
})

/** The real store, with some answers lost: the work is done, but the caller gets an error. */
function losingAnswers(calls: readonly number[]): Store {
  let call = 0
  return new Proxy(store, {
    get(target, property) {
      if (property !== 'insertOnce') {
        const value: unknown = Reflect.get(target, property)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      }
      return async (stream: Stream, batches: readonly Batch[]) => {
        const outcome = await target.insertOnce(stream, batches)
        if (calls.includes(call++)) throw new GatepostError('STORE_UNAVAILABLE', 'the answer got lost')
        return outcome
      }
    },
  })
}

t.test('an unknown outcome is resolved by a retry', async (t) => {
  const log = new MemoryLog()
  const whole = makeBatch('gateway_pings', now, repeated(10))
  const cut = { ...whole, records: whole.records.subarray(0, -3) }
  const batches = [makeBatch('gateway_pings', now, repeated(5)), cut, makeBatch('gateway_pings', now, repeated(5))]
  log.append(...batches)
  // The calls that succeed insert the dead letters, then the good rows; each answer is lost once.
  const stats = await drain(log, { store: losingAnswers([0, 2]) })
  t.equal(stats('gateway_pings').failures, 2)
  t.same(await rowsOf('gateway_pings', batches), [5, 9, 5])
  t.match(await lettersOf(cut), [{ batch_index: 9, reason: 'undecodable' }])
  t.equal(log.committed('gateway_pings'), 3)
})

t.test('a failed read loses nothing, even after the position has advanced', async (t) => {
  class FlakyLog extends MemoryLog {
    #reads = 0
    override async read(stream: Stream, maxBytes: number) {
      const gathered = await super.read(stream, maxBytes)
      if (stream === 'gateway_pings' && ++this.#reads % 2 === 0) throw new Error('the disk refused')
      return gathered
    }
  }
  const log = new FlakyLog()
  const batches = Array.from({ length: 5 }, () => makeBatch('gateway_pings', now, repeated(5)))
  log.append(...batches)
  const stats = await drain(log, { gatherMaxBytes: 1200 })
  t.same(await rowsOf('gateway_pings', batches), [5, 5, 5, 5, 5])
  t.equal(log.committed('gateway_pings'), 5)
  t.equal(stats('gateway_pings').rows, 25)
})

t.test('a batch that is partly stored stops the aggregator, and the position does not advance', async (t) => {
  const log = new MemoryLog()
  const batch = makeBatch('gateway_pings', now, repeated(4))
  const half = makeBatch('gateway_pings', now, repeated(2), batch.batchId)
  await store.insertOnce('gateway_pings', [half])
  log.append(batch)
  const failure = await new Promise((resolve) => {
    startAggregator({ reader: log, store, logger, onFatal: resolve })
  })
  t.match(failure, { code: 'STORE_INCONSISTENT' })
  t.equal(log.committed('gateway_pings'), 0)
})

t.test('a permanent error stops the aggregator after a bounded time', async (t) => {
  const log = new MemoryLog()
  log.append(makeBatch('gateway_pings', now, repeated(4)))
  const failure = await new Promise((resolve) => {
    const unreachable = losingAnswers(Array.from({ length: 1000 }, (_, index) => index))
    startAggregator({ reader: log, store: unreachable, logger, retryForMs: 300, onFatal: resolve })
  })
  t.match(failure, { code: 'STORE_UNAVAILABLE' })
  t.equal(log.committed('gateway_pings'), 0)
})

t.test('two different batches with one identity stop the aggregator', async (t) => {
  const log = new MemoryLog()
  const batch = makeBatch('post_auth', now, repeated(4))
  log.append(batch, makeBatch('post_auth', now, repeated(5), batch.batchId))
  const failure = await new Promise((resolve) => {
    startAggregator({ reader: log, store, logger, onFatal: resolve })
  })
  t.match(failure, { code: 'LOG_CORRUPT' })
})

t.test('metrics count batches and rows', async (t) => {
  const log = new MemoryLog()
  log.append(makeBatch('post_auth', now, repeated(11)))
  const aggregator = startAggregator({ reader: log, store, logger })
  await aggregator.stop()
  const text = await aggregatorMetrics(aggregator.stats()).registry.metrics()
  t.match(text, 'gatepost_aggregator_rows_total{topic="post_auth"} 11')
  t.match(text, 'gatepost_aggregator_insert_seconds_count{topic="post_auth"} 1')
  t.match(text, 'gatepost_aggregator_lag_seconds{topic="post_auth"} 0')
})

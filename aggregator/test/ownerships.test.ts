import t from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import type { Gathered } from '../../log/contract.ts'
import { makeBatch } from '../../log/test/contract.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Ownership, InsertOutcome, Store } from '../../store/contract.ts'
import { startAggregator } from '../aggregator.ts'
import { MemoryLog } from './memory-log.ts'

/*
 * How the aggregator uses ownerships, against a store that only records the calls. The tests of the real stores check that they honour
 * ownerships.
 */

const logger = createLogger('ownerships-test')
logger.level = 'silent'

type Step = 'ok' | 'STORE_FENCED' | 'STORE_UNAVAILABLE'

class NotingStore implements Partial<Store> {
  readonly notes: string[] = []
  readonly #inserts: Step[]
  readonly #ownerships: Step[]
  #epoch = 0

  constructor(inserts: Step[], ownerships: Step[] = []) {
    this.#inserts = inserts
    this.#ownerships = ownerships
  }

  takeOwnership(stream: Stream, partition: string, previous: Ownership | null): Promise<Ownership> {
    this.notes.push(`ownership ${partition} after ${previous === null ? 'none' : previous.epoch}`)
    const step = this.#ownerships.shift() ?? 'ok'
    if (step !== 'ok') return Promise.reject(new GatepostError(step, 'ownership'))
    return Promise.resolve({ stream, partition, epoch: ++this.#epoch, owner: 'me' })
  }

  /** Nobody was erased. */
  query<T>(): Promise<T[]> {
    return Promise.resolve([])
  }

  insertOnce(
    stream: Stream,
    batches: { length: number },
    ownerships: readonly Ownership[] = [],
  ): Promise<InsertOutcome> {
    this.notes.push(`insert ${batches.length} ${stream} under ${ownerships.map(({ epoch }) => epoch).join(',')}`)
    const step = this.#inserts.shift() ?? 'ok'
    if (step !== 'ok') return Promise.reject(new GatepostError(step, 'insert'))
    return Promise.resolve({ rows: batches.length, alreadyPresent: 0 })
  }
}

async function run(log: MemoryLog, store: NotingStore): Promise<void> {
  const aggregator = startAggregator({
    reader: log,
    store: store as unknown as Store,
    logger,
    gatherMaxMs: 0,
    pollMs: 1,
    onFatal: (error) => store.notes.push(String(error)),
  })
  await aggregator.stop(20_000)
}

t.test('ownership of a part is taken once, before its first insert', async (t) => {
  const log = new MemoryLog()
  log.append(makeBatch(['a']))
  const store = new NotingStore([])
  await run(log, store)
  t.same(store.notes, ['ownership memory after none', 'insert 1 dead_letters under 1'])
})

t.test('after an unknown outcome, ownership is taken again unless another process has it', async (t) => {
  const log = new MemoryLog()
  log.append(makeBatch(['a']))
  const store = new NotingStore(['STORE_UNAVAILABLE', 'STORE_UNAVAILABLE'], ['ok', 'STORE_UNAVAILABLE'])
  await run(log, store)
  t.same(store.notes, [
    'ownership memory after none',
    'insert 1 dead_letters under 1',
    'ownership memory after 1',
    'ownership memory after 1',
    'insert 1 dead_letters under 2',
    'ownership memory after 2',
    'insert 1 dead_letters under 3',
  ])
})

t.test('batches of a part that another aggregator has taken over are dropped, and read again later', async (t) => {
  const log = new MemoryLog()
  log.append(makeBatch(['a']), makeBatch(['b']))
  const store = new NotingStore(['STORE_FENCED'])
  await run(log, store)
  t.same(store.notes, [
    'ownership memory after none',
    'insert 2 dead_letters under 1',
    'ownership memory after none',
    'insert 2 dead_letters under 2',
  ])
  t.equal(log.committed('dead_letters'), 2)
})

t.test('a gather of a part that moved to another reader is neither stored nor committed', async (t) => {
  class LosingLog extends MemoryLog {
    #lost = 0
    override isCurrent(): boolean {
      return this.#lost > 0
    }
    override read(stream: Stream, maxBytes: number): Promise<Gathered | null> {
      if (
        stream === 'dead_letters' &&
        this.waiting(stream) === 0 &&
        this.committed(stream) === 0 &&
        this.#lost++ === 0
      ) {
        this.rewind(stream)
      }
      return super.read(stream, maxBytes)
    }
  }
  const log = new LosingLog()
  log.append(makeBatch(['a']))
  const store = new NotingStore([])
  await run(log, store)
  t.same(store.notes, ['ownership memory after none', 'insert 1 dead_letters under 1'])
  t.equal(log.committed('dead_letters'), 1)
})

t.test('dead letters of the log are stored before their batches are committed', async (t) => {
  const letter = makeBatch(['letter'])
  class LetterLog extends MemoryLog {
    override async read(stream: Stream, maxBytes: number): Promise<Gathered | null> {
      const gathered = await super.read(stream, maxBytes)
      return gathered && { ...gathered, letters: [letter] }
    }
  }
  const log = new LetterLog()
  log.append(makeBatch(['a']), makeBatch(['b']))
  const store = new NotingStore(['STORE_UNAVAILABLE'])
  await run(log, store)
  t.same(store.notes, [
    'ownership memory after none',
    'insert 1 dead_letters under 1',
    'ownership memory after 1',
    'insert 1 dead_letters under 2',
    'insert 2 dead_letters under 2',
  ])
})

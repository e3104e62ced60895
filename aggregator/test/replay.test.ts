import t from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Store } from '../../store/contract.ts'
import { openMigratedStore } from '../../test/helpers/migrated-store.ts'
import { batchUuid } from '../../store/exactly-once/identity.ts'
import { DEFAULT_RETENTION, retentionOf, type Retention } from '../../store/retention.ts'
import { makeBatch, repeated } from '../../schemas/test/records.ts'
import { ErasedSubjects, subjectHash } from '../../privacy/erased.ts'
import { emptyTotals, replayPart, type ReplayTotals } from '../replay.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const SECRET = 'a secret of the tests'
/** The minutes before it are in the same month: at the beginning of a day it is an hour ago. */
const now = Date.now() - (Date.now() % DAY < HOUR / 2 ? HOUR : 0)

const logger = createLogger('replay-test')
logger.level = 'silent'
const store = await openMigratedStore({ path: t.testdir() + '/store', logger })
t.teardown(() => store.close())

async function replayed(
  batches: readonly Batch[],
  letters: readonly Batch[] = [],
  to: Store = store,
  retention: Retention = DEFAULT_RETENTION,
) {
  const totals = emptyTotals()
  const erased = await ErasedSubjects.load(store, () => [SECRET])
  await replayPart({ store: to, stream: 'post_auth', partition: 'p', retention, erased }, { batches, letters }, totals)
  return totals
}

const counted = (totals: Partial<ReplayTotals>): ReplayTotals => ({ ...emptyTotals(), ...totals })

/** Rows of each batch. */
async function rowsOf(batches: readonly Batch[]): Promise<number[]> {
  const rows = await store.query<{ batch_id: string; rows: number }>(
    'SELECT batch_id, toUInt32(count()) AS rows FROM gatepost.post_auth GROUP BY batch_id',
  )
  const counts = new Map(rows.map((row) => [row.batch_id, row.rows]))
  return batches.map((batch) => counts.get(batchUuid(batch)) ?? 0)
}

const remove = (where: string) =>
  store.command(`ALTER TABLE gatepost.post_auth DELETE WHERE ${where} SETTINGS mutations_sync = 2`)

t.test('missing rows are inserted, once', async (t) => {
  const batches = [0, 1, 2].map((age) => makeBatch('post_auth', now - age * 60_000, repeated(2)))
  t.same(await replayed(batches), counted({ read: 3, rows: 6 }))
  await remove(`batch_id = '${batchUuid(batches[1])}'`)
  t.same(await replayed(batches), counted({ read: 3, rows: 2, present: 2 }))
  t.same(await replayed([...batches, batches[0]]), counted({ read: 4, present: 4 }))
  t.same(await rowsOf(batches), [2, 2, 2])
  t.same(await replayed([makeBatch('post_auth', now - 40 * DAY, repeated(1))]), counted({ read: 1, expired: 1 }))
  t.same(await replayed([]), counted({}))
})

t.test('dead letters about messages that are not batches go to dead_letters', async (t) => {
  const letters = [makeBatch('dead_letters', now, repeated(1))]
  t.same(await replayed([], letters), counted({ read: 1, rows: 1 }))
  t.same(await replayed([], letters), counted({ read: 1, present: 1 }))
})

t.test('a batch that is partly stored is left unchanged, and does not block others', async (t) => {
  const batches = Array.from({ length: 5 }, () => makeBatch('post_auth', now, repeated(3)))
  await replayed(batches)
  await remove(`batch_id IN ('${batchUuid(batches[0])}', '${batchUuid(batches[4])}')`)
  await remove(`batch_id = '${batchUuid(batches[2])}' AND batch_index = 1`)
  t.same(await replayed(batches), counted({ read: 5, rows: 6, present: 2, partial: 1 }))
  t.same(await rowsOf(batches), [3, 3, 2, 3, 3])
  await remove(`batch_id = '${batchUuid(batches[2])}'`)
  t.same(await replayed(batches), counted({ read: 5, rows: 3, present: 4 }))
})

t.test('records of erased people are left out, the other records of their batch are inserted', async (t) => {
  const mixed = makeBatch('post_auth', now, [{ username: 'GONE01' }, { username: 'STAYS1' }, { username: 'STAYS2' }])
  const alone = makeBatch('post_auth', now, [{ username: 'GONE01' }])
  await replayed([mixed, alone])
  await store.command(
    `INSERT INTO gatepost.erased_subjects (hash, kind) VALUES ('${subjectHash(SECRET, 'user', 'GONE01')}', 'user')`,
  )
  await remove(`username = 'GONE01'`)
  t.same(
    await replayed([mixed, alone]),
    counted({ read: 2, present: 1, erased: 1 }),
    'the batch without them counts as whole',
  )
  await remove(`username LIKE 'STAYS%'`)
  t.same(await replayed([mixed, alone]), counted({ read: 2, rows: 2, erased: 1 }))
  t.same(
    await store.query(
      `SELECT username, batch_index FROM gatepost.post_auth WHERE batch_id = '${batchUuid(mixed)}' ORDER BY batch_index`,
    ),
    [
      { username: 'STAYS1', batch_index: 1 },
      { username: 'STAYS2', batch_index: 2 },
    ],
  )
})

t.test('an aggregator that takes ownership back is waited for; other failures end the replay', async (t) => {
  let refusals = 2
  const failing = (code: 'STORE_FENCED' | 'STORE_MIGRATION'): Store => ({
    ...store,
    takeOwnership: (...call) => store.takeOwnership(...call),
    insertOnce: (...call) =>
      refusals-- > 0 ? Promise.reject(new GatepostError(code, 'not now')) : store.insertOnce(...call),
  })
  const batch = makeBatch('post_auth', now, repeated(1))
  t.same(await replayed([batch], [], failing('STORE_FENCED')), counted({ read: 1, rows: 1 }))
  t.same(await rowsOf([batch]), [1])
  refusals = 1
  await t.rejects(replayed([makeBatch('post_auth', now, repeated(1))], [], failing('STORE_MIGRATION')), {
    code: 'STORE_MIGRATION',
  })
})

t.test('batches older than the retention of their own table are left out, whatever other tables keep', async (t) => {
  const batches = [
    makeBatch('post_auth', now - 10 * DAY, repeated(2)),
    makeBatch('post_auth', now - 3 * DAY, repeated(2)),
  ]
  const letters = [makeBatch('dead_letters', now - 10 * DAY, repeated(3))]
  const short = retentionOf(32, { post_auth: 5 })
  t.same(await replayed(batches, letters, store, short), counted({ read: 3, rows: 5, expired: 1 }))
  t.same(await rowsOf(batches), [0, 2])
  t.same(
    await replayed(batches, [], store, retentionOf(5, { post_auth: 32 })),
    counted({ read: 2, rows: 2, present: 1 }),
  )
})

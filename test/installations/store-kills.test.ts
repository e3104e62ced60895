import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import { StoreServer } from '../helpers/store-server.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Ownership, Store } from '../../store/contract.ts'
import { batchUuid } from '../../store/exactly-once/identity.ts'
import { makeBatch, repeated } from '../../schemas/test/records.ts'
import { openServerStore } from '../../store/server/open.ts'

/* Every batch is in its table once, whole, and in the views, however often the server is killed during inserts. */

const ROUNDS = 10
const BATCHES = 20
const ROWS = 300
const NOW = Math.floor(Date.now() / 1000) * 1000 - 60_000

const logger = createLogger('store-test')
logger.level = 'silent'

/** As an aggregator does: after an unknown outcome it takes ownership again before it retries. */
async function insertWhateverHappens(store: Store, batches: readonly Batch[], held: Ownership): Promise<Ownership> {
  let ownership = held
  let doubtful = false
  for (;;) {
    try {
      if (doubtful) ownership = await store.takeOwnership('gateway_pings', '0', ownership)
      doubtful = false
      await store.insertOnce('gateway_pings', batches, [ownership])
      return ownership
    } catch (error) {
      if (!(error instanceof GatepostError)) throw error
      if (error.code !== 'STORE_UNAVAILABLE') throw error
      doubtful = true
      await sleep(100)
    }
  }
}

t.test(`the server is killed while it inserts, ${ROUNDS} times`, async (t) => {
  const server = await StoreServer.start(t.testdir() + '/server')
  t.teardown(() => server.stop())
  const store = await openServerStore({ url: server.url(), logger })
  t.teardown(() => store.close())
  await store.migrate()
  let ownership = await store.takeOwnership('gateway_pings', '0', null)
  const all: Batch[] = []
  let interrupted = 0
  for (let round = 0; round < ROUNDS; round++) {
    const gather = Array.from({ length: BATCHES }, (_, index) =>
      makeBatch('gateway_pings', NOW, repeated(ROWS, { gw_id: `gw-${round}-${index}` })),
    )
    all.push(...gather)
    let isDone = false
    const inserting = insertWhateverHappens(store, gather, ownership).finally(() => (isDone = true))
    inserting.catch(() => undefined)
    await sleep(round * 12)
    if (!isDone) interrupted++
    await server.stop('SIGKILL')
    await server.restart()
    ownership = await inserting
  }
  t.ok(interrupted > 0, `${interrupted} kills came before the insert's end`)
  const rows = await store.query<{ batch_id: string; rows: string; places: string }>(
    `SELECT batch_id, count() AS rows, uniqExact(batch_index) AS places FROM gatepost.gateway_pings GROUP BY batch_id`,
  )
  t.equal(rows.length, all.length, 'every batch is there')
  const stored = new Map(rows.map((row) => [row.batch_id, row]))
  for (const batch of all) {
    const row = stored.get(batchUuid(batch))
    if (row?.rows !== String(ROWS) || row.places !== String(ROWS)) t.fail(`batch ${batchUuid(batch)}`, { row })
  }
  const [{ gateways }] = await store.query<{ gateways: number }>(
    'SELECT uniqExact(gw_id)::UInt32 AS gateways FROM gatepost.gateway_latest',
  )
  t.equal(gateways, all.length, 'every batch reached the view')
})

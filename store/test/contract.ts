import type { Test } from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { STREAMS, type Stream } from '../../schemas/streams/index.ts'
import type { Store } from '../contract.ts'
import { batchUuid } from '../exactly-once/identity.ts'
import { lookUpStatement } from '../exactly-once/presence.ts'
import { viewsOf } from '../exactly-once/views.ts'
import { gatewaysContract } from './gateways.ts'
import { makeBatch, repeated, unsigned } from '../../schemas/test/records.ts'

const HOUR = 3_600_000
/** A noon within the retention; the day before it and the hours after it are in the same month. */
const NOON = noon(10)

function noon(daysAgo: number): number {
  const day = new Date(new Date().setUTCHours(12, 0, 0, 0) - daysAgo * 24 * HOUR)
  return day.getUTCDate() < 3 ? noon(daysAgo + 1) : day.getTime()
}

async function count(store: Store, stream: Stream): Promise<number> {
  const [row] = await store.query<{ rows: string }>(`SELECT count() AS rows FROM gatepost.${stream}`)
  return Number(row.rows)
}

/** The code of the error that a promise is rejected with; null if it is not. */
async function codeOf(promise: Promise<unknown>): Promise<string | null> {
  try {
    await promise
    return null
  } catch (error) {
    return error instanceof GatepostError ? error.code : String(error)
  }
}

/** How a store keeps a table `T` of the migrations: as itself, or in a cluster's form, where each node has its part in `T_local`. */
export type TableForm = 'plain' | 'cluster'

/** The table that holds the rows of a table. */
function heldIn(form: TableForm): (table: string) => string {
  return (table) => (form === 'cluster' ? `${table}_local` : table)
}

/** The view `gateways` in every Store; its SQL is the same in all of them. `open` returns a store without tables, not migrated yet. */
export function storeViews(t: Test, name: string, open: (t: Test) => Promise<Store>, form: TableForm = 'plain'): void {
  t.test(`${name}: views`, async (t) => {
    const store = await open(t)
    t.teardown(() => store.close())
    await store.migrate()
    gatewaysContract(t, store, heldIn(form))
  })
}

/** The contract of every Store. `open` returns a store without tables, not migrated yet. */
export function storeContract(
  t: Test,
  name: string,
  open: (t: Test) => Promise<Store>,
  form: TableForm = 'plain',
): void {
  const held = heldIn(form)
  t.test(`${name}: store contract`, async (t) => {
    const store = await open(t)
    t.teardown(() => store.close())
    await store.migrate()

    t.test('migrations are applied once', async (t) => {
      const applied = () => store.query('SELECT * FROM gatepost.schema_migrations ORDER BY version')
      const before = await applied()
      await store.migrate()
      t.same(await applied(), before)
    })

    t.test('every table and column says what it is', async (t) => {
      const silent = await store.query(
        `SELECT table, name FROM system.columns WHERE database = 'gatepost' AND comment = ''
         UNION ALL SELECT name, '' FROM system.tables WHERE database = 'gatepost' AND comment = ''`,
      )
      t.same(silent, [])
    })

    t.test('parameters are bound, 64-bit integers are text', async (t) => {
      const rows = await store.query(
        'SELECT {text:String} AS text, {n:UInt64} + 1 AS n, {list:Array(String)} AS list',
        {
          text: "it's \\ a 'test'",
          n: 41,
          list: ['a', "b'"],
        },
      )
      t.same(rows, [{ text: "it's \\ a 'test'", n: '42', list: ['a', "b'"] }])
    })

    t.test('commands write, and wrong statements say so', async (t) => {
      await store.command('INSERT INTO gatepost.ip_locations (ip, location_id) VALUES ({ip:String}, 7)', {
        ip: '192.0.2.7',
      })
      t.same(await store.query('SELECT ip, location_id FROM gatepost.ip_locations'), [
        { ip: '192.0.2.7', location_id: '7' },
      ])
      t.equal(await codeOf(store.command('INSERT INTO gatepost.nowhere VALUES (1)')), 'STORE_REFUSED')
      t.equal(await codeOf(store.query('SELEC 1')), 'STORE_REFUSED')
    })

    t.test('records arrive as they were encoded', async (t) => {
      const at = NOON + 123
      const batch = makeBatch('gateway_auth', at, [
        { incoming: unsigned(2n ** 64n - 1n), outgoing: unsigned(2n ** 63n), auth_code: -1, extra: { k: 'v' } },
        { incoming: null, outgoing: 0n, own: false, ip: 'ünï', outgoing_delta: 5n },
      ])
      t.same(await store.insertOnce('gateway_auth', [batch]), { rows: 2, alreadyPresent: 0 })
      const columns = 'incoming, outgoing, outgoing_delta, auth_code, own, ip, extra, batch_id, batch_index'
      t.same(
        await store.query(
          `SELECT toUnixTimestamp64Milli(received_at) AS at, ${columns} FROM gatepost.gateway_auth ORDER BY batch_index`,
        ),
        [
          {
            at: String(at),
            incoming: '18446744073709551615',
            outgoing: '9223372036854775808',
            outgoing_delta: null,
            auth_code: -1,
            own: 1,
            ip: '10.0.0.5',
            extra: { k: 'v' },
            batch_id: batchUuid(batch),
            batch_index: 0,
          },
          {
            at: String(at),
            incoming: null,
            outgoing: '0',
            outgoing_delta: '5',
            auth_code: 1,
            own: 0,
            ip: 'ünï',
            extra: {},
            batch_id: batchUuid(batch),
            batch_index: 1,
          },
        ],
      )
      const pings = makeBatch('gateway_pings', at, [{ sys_uptime: unsigned(2n ** 63n + 1n), sys_memfree: 1n }])
      await store.insertOnce('gateway_pings', [pings])
      t.same(await store.query('SELECT sys_uptime, sys_memfree, sys_load, trusted FROM gatepost.gateway_pings'), [
        { sys_uptime: '9223372036854775809', sys_memfree: '1', sys_load: 0.25, trusted: 1 },
      ])
    })

    for (const stream of STREAMS) {
      t.test(`${stream}: a batch is stored once, however often it comes`, async (t) => {
        const before = await count(store, stream)
        const batches = [0, 1, 2].map((hours) => makeBatch(stream, NOON + hours * HOUR, repeated(10)))
        t.same(await store.insertOnce(stream, batches.slice(0, 2)), { rows: 20, alreadyPresent: 0 })
        t.same(await store.insertOnce(stream, batches), { rows: 10, alreadyPresent: 2 })
        t.same(await store.insertOnce(stream, [...batches].reverse()), { rows: 0, alreadyPresent: 3 })
        t.equal((await count(store, stream)) - before, 30)
        t.same(await store.insertOnce(stream, []), { rows: 0, alreadyPresent: 0 })
      })
    }

    t.test('one insert is one part, also of 200,000 rows in 2,000 batches', async (t) => {
      const blocks = async () => {
        const [row] = await store.query<{ last: string }>(
          `SELECT sum(last) AS last FROM (SELECT partition_id, max(max_block_number) AS last FROM system.parts
           WHERE database = 'gatepost' AND table = '${held('post_auth')}' GROUP BY partition_id)`,
        )
        return Number(row.last)
      }
      const before = await blocks()
      const batches = Array.from({ length: 2000 }, (_, index) => makeBatch('post_auth', NOON + index, repeated(100)))
      t.same(await store.insertOnce('post_auth', batches), { rows: 200_000, alreadyPresent: 0 })
      t.equal((await blocks()) - before, 1)
      t.same(await store.insertOnce('post_auth', batches), { rows: 0, alreadyPresent: 2000 })
    })

    for (const stream of STREAMS) {
      t.test(`${stream}: a look-up reads no more than the hours of its window`, async (t) => {
        const perHour = 20_000
        const hours = 4
        const batches = Array.from({ length: hours }, (_, hour) =>
          makeBatch(stream, NOON - hours * HOUR + hour * HOUR, repeated(perHour)),
        )
        await store.insertOnce(stream, batches)
        await store.command(`OPTIMIZE TABLE gatepost.${held(stream)} FINAL`)
        const [estimate] = await store.query<{ rows: string }>(
          `EXPLAIN ESTIMATE ${lookUpStatement(stream, [batches[hours / 2]]).replace(`gatepost.${stream}`, `gatepost.${held(stream)}`)}`,
        )
        // The hour's own rows, and the rows that share its first and last granule (8192 rows each).
        t.ok(Number(estimate.rows) <= perHour + 2 * 8192, `${estimate.rows} rows`)
      })
    }

    t.test('a refused insert leaves nothing behind', async (t) => {
      const before = await count(store, 'gateway_pings')
      const good = [makeBatch('gateway_pings', NOON, repeated(5)), makeBatch('gateway_pings', NOON, repeated(5))]
      const whole = makeBatch('gateway_pings', NOON, repeated(5))
      const cut = { ...whole, records: whole.records.subarray(0, -3) }
      t.equal(await codeOf(store.insertOnce('gateway_pings', [good[0], cut, good[1]])), 'STORE_REFUSED')
      const stranger = { ...makeBatch('gateway_pings', NOON, repeated(5)), batchId: whole.batchId }
      t.equal(await codeOf(store.insertOnce('gateway_pings', [stranger])), 'STORE_REFUSED', 'records of another batch')
      const late = { ...whole, minReceivedAt: NOON - 5000, maxReceivedAt: NOON - 4000 }
      t.equal(await codeOf(store.insertOnce('gateway_pings', [late])), 'STORE_REFUSED', 'records of another time')
      t.equal(await count(store, 'gateway_pings'), before)
      t.equal(await store.check('gateway_pings', good), null)
      t.type(await store.check('gateway_pings', [good[0], cut]), 'string')
      t.equal(await count(store, 'gateway_pings'), before, 'a check stores nothing')
    })

    t.test('check() knows the constraints of the table', async (t) => {
      await store.command(`ALTER TABLE gatepost.post_auth ADD CONSTRAINT no_mallory CHECK username != 'MALLOR'`)
      const bad = makeBatch('post_auth', NOON, [{}, { username: 'MALLOR' }])
      t.match(await store.check('post_auth', [bad]), /no_mallory/)
      t.equal(await codeOf(store.insertOnce('post_auth', [bad])), 'STORE_REFUSED')
      await store.command('ALTER TABLE gatepost.post_auth DROP CONSTRAINT no_mallory')
      t.equal(await store.check('post_auth', [bad]), null)
    })

    t.test('a batch that is there in part stops everything, unless dead letters stand for the rest', async (t) => {
      const at = NOON + 2 * HOUR
      const batch = makeBatch('gateway_auth', at, repeated(10))
      await store.insertOnce('gateway_auth', [batch])
      await store.command(
        'DELETE FROM gatepost.gateway_auth WHERE batch_id = {id:UUID} AND batch_index >= 7 SETTINGS lightweight_deletes_sync = 2',
        { id: batchUuid(batch) },
      )
      t.equal(await codeOf(store.insertOnce('gateway_auth', [batch])), 'STORE_INCONSISTENT')

      const letter = (index: number, reason: string) => ({ batch_index: index, source: 'gateway_auth', reason })
      const refused = makeBatch('dead_letters', at, [letter(7, 'refused_by_store')], batch.batchId)
      await store.insertOnce('dead_letters', [refused])
      t.equal(await codeOf(store.insertOnce('gateway_auth', [batch])), 'STORE_INCONSISTENT')
      await store.command(
        'DELETE FROM gatepost.dead_letters WHERE batch_id = {id:UUID} SETTINGS lightweight_deletes_sync = 2',
        {
          id: batchUuid(batch),
        },
      )
      const rest = makeBatch('dead_letters', at, [letter(7, 'undecodable')], batch.batchId)
      await store.insertOnce('dead_letters', [rest])
      t.same(await store.insertOnce('gateway_auth', [batch]), { rows: 0, alreadyPresent: 1 })
    })

    t.test(
      'a view that throws leaves the rows in; once it is repaired the batch comes again and reaches every view',
      async (t) => {
        await store.command('CREATE TABLE gatepost.broken (n UInt8) ENGINE = MergeTree ORDER BY n')
        await store.command(
          `CREATE MATERIALIZED VIEW gatepost.a_broken_view TO gatepost.broken AS
         SELECT throwIf(gw_id = 'gw-broken') AS n FROM gatepost.${held('gateway_pings')}`,
        )
        const batch = makeBatch('gateway_pings', NOON, [{ gw_id: 'gw-broken' }])
        t.equal(await codeOf(store.insertOnce('gateway_pings', [batch])), 'STORE_UNAVAILABLE')
        await store.command('DROP VIEW gatepost.a_broken_view')
        await store.command('DROP TABLE gatepost.broken')
        // As if the insert had been interrupted before it reached the other views.
        await store.command(
          `DELETE FROM gatepost.gateway_latest WHERE gw_id = 'gw-broken' SETTINGS lightweight_deletes_sync = 2`,
        )
        t.same(await store.insertOnce('gateway_pings', [batch]), { rows: 0, alreadyPresent: 1 })
        t.same(await store.query(`SELECT gw_id FROM gatepost.gateways WHERE gw_id = 'gw-broken'`), [
          { gw_id: 'gw-broken' },
        ])
      },
    )

    t.test('every materialized view can be run again over batches', async (t) => {
      const sql = { rows: <T>(text: string) => store.query<T>(text), run: (text: string) => store.command(text) }
      const found = await Promise.all(STREAMS.map((stream) => viewsOf(sql, stream)))
      for (const { name, select, columns } of found.flat()) {
        const sources = select.match(/\b(?:FROM|JOIN) gatepost\.\w+/g)
        t.equal(sources?.length, 1, `${name} reads one table`)
        t.ok(columns.length > 0)
      }
      const [all] = await store.query<{ views: string }>(
        `SELECT count() AS views FROM system.tables WHERE database = 'gatepost' AND engine = 'MaterializedView'`,
      )
      t.equal(found.flat().length, Number(all.views), 'each reads a raw table')
    })
  })
}

import { join } from 'node:path'
import t from 'tap'
import { directoryPlace } from '../backup.ts'
import { openMigratedStore } from '../../../test/helpers/migrated-store.ts'
import { restoreTables } from '../restore.ts'

const DAY = `toStartOfDay(now())`
const insert = (from: number) =>
  `INSERT INTO gatepost.post_auth (received_at, username, success) SELECT ${DAY}, toString(number), 1 FROM numbers(${from}, 100)`

t.test('all tables as they are at one moment; what waits for it is not in it, and is stored afterwards', async (t) => {
  const path = join(t.testdir(), 'store')
  const to = directoryPlace(join(t.testdirName, 'backup'))
  const store = await openMigratedStore({ path })
  await store.command(insert(0))
  let waited = Promise.resolve()
  let rowsWhileHeld = 0
  const { rows } = await store.backUp({
    to,
    base: null,
    whileHeld: async () => {
      waited = store.command(insert(1000))
      const [{ n }] = await store.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM gatepost.post_auth')
      rowsWhileHeld = n
    },
    stopped: () => false,
  })
  await waited
  t.equal(rowsWhileHeld, 100, 'a query is answered, and the insert waits')
  t.equal(rows['post_auth'], 100)
  const next = directoryPlace(join(t.testdirName, 'next'))
  const based = await store.backUp({ to: next, base: to, whileHeld: () => Promise.resolve(), stopped: () => false })
  t.equal(based.rows['post_auth'], 200)
  await store.close()
  t.same(await restoreTables(join(t.testdirName, 'a'), to, null), rows)
})

t.test('a place that cannot be written is refused, and inserts go on', async (t) => {
  const store = await openMigratedStore({ path: join(t.testdir(), 'store') })
  t.teardown(() => store.close())
  const what = { base: null, whileHeld: () => Promise.resolve(), stopped: () => false }
  await t.rejects(store.backUp({ ...what, to: directoryPlace('/proc/nothing') }), { code: 'STORE_REFUSED' })
  await store.command(insert(0))
  await t.rejects(
    store.backUp({
      ...what,
      to: directoryPlace(join(t.testdirName, 'x')),
      whileHeld: () => Promise.reject(new Error('full')),
    }),
    /full/,
  )
  await store.command(insert(0))
  const [{ n }] = await store.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM gatepost.post_auth')
  t.equal(n, 200)
})

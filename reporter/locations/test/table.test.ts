import t from 'tap'
import { openEngine } from '../../test/engine.ts'
import { listLocations, replaceLocations } from '../table.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

const location = (ip: string, location_id: number, name = '') => ({ ip, location_id, name })

t.test('an import replaces all locations, also by fewer', async (t) => {
  await replaceLocations(store, [
    location('192.0.2.1', 1),
    location('2001:db8::1', 2 ** 53 - 1, 'O\'Hara \\ \n\t "x" é'),
  ])
  await replaceLocations(store, [location('10.0.0.1', 3), location('9.0.0.1', 4)])
  t.same(await listLocations(store), [location('9.0.0.1', 4), location('10.0.0.1', 3)])
})

t.test('texts are stored unchanged', async (t) => {
  const odd = [
    location('192.0.2.1', 0, "'; DROP TABLE x; -- \\N \u0000 \u2028 𝄞"),
    location('::1', 2 ** 53 - 1, '{x:String}'),
  ]
  await replaceLocations(store, odd)
  t.same(await listLocations(store), [odd[1], odd[0]])
})

t.test('many rows, in several statements', async (t) => {
  const many = Array.from({ length: 30_000 }, (_, i) =>
    location(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, i, `Site ${i}`),
  )
  await replaceLocations(store, many)
  t.equal((await listLocations(store)).length, many.length)
})

t.test('readers see the old or the new locations, never none or a mixture', async (t) => {
  const generation = (id: number) => Array.from({ length: 500 }, (_, i) => location(`10.0.${i >> 8}.${i & 255}`, id))
  await replaceLocations(store, generation(0))
  let writing = true
  const seen = new Set<number>()
  const read = async () => {
    while (writing) {
      const rows = await listLocations(store)
      const ids = new Set(rows.map(({ location_id }) => location_id))
      if (rows.length !== 500 || ids.size !== 1) t.fail(`${rows.length} rows of ${ids.size} imports`)
      ids.forEach((id) => seen.add(id))
    }
  }
  const readers = [read(), read()]
  for (let id = 1; id <= 10; id++) await replaceLocations(store, generation(id))
  writing = false
  await Promise.all(readers)
  t.ok(seen.size > 1, `${seen.size} imports were seen`)
})

t.test('an import that fails leaves the old locations', async (t) => {
  await replaceLocations(store, [location('192.0.2.1', 1)])
  const failing = {
    query: store.query.bind(store),
    command: (sql: string) => (sql.startsWith('INSERT') ? Promise.reject(new Error('broken')) : store.command(sql)),
  }
  await t.rejects(replaceLocations(failing, [location('192.0.2.2', 2)]), { message: 'broken' })
  t.same(await listLocations(store), [location('192.0.2.1', 1)])
})

t.test('of two imports at once, one wins completely', async (t) => {
  const generation = (id: number) =>
    Array.from({ length: 12_000 }, (_, i) => location(`10.0.${i >> 8}.${i & 255}`, id, 'x'.repeat(40)))
  await replaceLocations(store, generation(0))
  await Promise.all([replaceLocations(store, generation(1)), replaceLocations(store, generation(2))])
  const rows = await listLocations(store)
  t.equal(rows.length, 12_000)
  t.equal(new Set(rows.map(({ location_id }) => location_id)).size, 1)
})

t.test('no temporary table remains', async (t) => {
  t.same(await store.query(`SELECT name FROM system.tables WHERE name LIKE 'ip_locations_%'`), [])
})

import t from 'tap'
import { Availability } from '../availability.ts'

t.test('each change is reported once', async (t) => {
  let answers = false
  const told: boolean[] = []
  let done = () => {}
  const bothTold = new Promise<void>((resolve) => (done = resolve))
  const store = { query: () => (answers ? Promise.resolve([]) : Promise.reject(new Error('away'))) }
  const availability = new Availability(
    store,
    (available) => {
      told.push(available)
      answers = true
      if (told.length === 2) done()
    },
    { everyMs: 1, withinMs: 1000 },
  )
  await bothTold
  availability.stop()
  t.same(told, [false, true])
})

t.test('a store that hangs counts as unavailable', async (t) => {
  let availability: Availability | null = null
  const available = await new Promise<boolean>((resolve) => {
    availability = new Availability({ query: () => new Promise(() => {}) }, resolve, { everyMs: 1, withinMs: 1 })
  })
  ;(availability as Availability | null)?.stop()
  t.equal(available, false)
})

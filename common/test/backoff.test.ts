import t from 'tap'
import { Backoff } from '../backoff.ts'

t.test('waits double up to the maximum, and start again after a success', (t) => {
  const backoff = new Backoff(100, 500, () => 1)
  t.same([backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()], [100, 200, 400, 500, 500])
  backoff.reset()
  t.equal(backoff.next(), 100)
  t.end()
})

t.test('each wait is between half of its length and its whole length', (t) => {
  t.equal(new Backoff(100, 500, () => 0).next(), 50)
  const waits = Array.from({ length: 200 }, () => new Backoff(100, 500).next())
  t.ok(waits.every((ms) => ms >= 50 && ms <= 100))
  t.ok(new Set(waits).size > 1, 'not the same for all')
  t.end()
})

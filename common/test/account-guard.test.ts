import t from 'tap'
import { AccountGuard } from '../account-guard.ts'

const LIMITS = { perAddress: 10, total: 30, then: 2, windowMs: 60_000 }

t.test('wrong passwords from some addresses do not lock the owner out from another one', (t) => {
  const guard = new AccountGuard(LIMITS)
  const tries = (address: string) => {
    let tried = 0
    while (tried < 1000 && guard.waitMs('alice', address, 0) === 0) {
      guard.tried('alice', address, 0)
      tried++
    }
    return tried
  }
  t.same(['a', 'b', 'c'].map(tries), [10, 10, 10])
  t.equal(guard.waitMs('alice', 'a', 1000), 59_000)
  t.equal(tries('d'), 2, 'further addresses have few tries')
  t.equal(guard.waitMs('bob', 'a', 0), 0, 'another account')
  t.equal(guard.waitMs('alice', 'a', 60_000), 0, 'a minute later')
  t.end()
})

t.test('a right password is not counted', (t) => {
  const guard = new AccountGuard(LIMITS)
  for (let login = 0; login < 100; login++) {
    t.equal(guard.waitMs('alice', 'a', 0), 0)
    guard.tried('alice', 'a', 0)
    guard.succeeded('alice', 'a', 0)
  }
  t.end()
})

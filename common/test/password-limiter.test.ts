import t from 'tap'
import { PasswordLimiter } from '../password-limiter.ts'

t.test('ten wrong passwords of an address in a minute, whoever they are for', (t) => {
  const limiter = new PasswordLimiter()
  for (let guess = 0; guess < 10; guess++) {
    t.equal(limiter.waitMs('192.0.2.1', `user ${guess % 3}`, 0), 0)
    limiter.failed('192.0.2.1', `user ${guess % 3}`, 0)
  }
  t.equal(limiter.waitMs('192.0.2.1', 'user 4', 1000), 59_000)
  t.equal(limiter.waitMs('192.0.2.2', 'user 1', 0), 0, 'another address')
  t.equal(limiter.waitMs('192.0.2.1', 'user 1', 60_000), 0, 'a minute later')
  t.end()
})

t.test('the addresses of a /64 are one, and each other one has a few tries however many guess', (t) => {
  const limiter = new PasswordLimiter()
  let tried = 0
  for (let guess = 0; guess < 1000; guess++) {
    const address = `2001:db8:0:${(guess % 4).toString(16)}::${guess.toString(16)}`
    if (limiter.waitMs(address, 'admin', 0) > 0) continue
    limiter.failed(address, 'admin', 0)
    tried++
  }
  t.equal(tried, 30)
  t.equal(limiter.waitMs('192.0.2.1', 'admin', 0), 0)
  limiter.failed('192.0.2.1', 'admin', 0)
  limiter.failed('192.0.2.1', 'admin', 0)
  t.ok(limiter.waitMs('192.0.2.1', 'admin', 0) > 0)
  t.end()
})

import t from 'tap'
import { Limits, type Limit } from '../limits.ts'

t.test('for each setting the first entry counts that concerns the login and has it', (t) => {
  const none = { sessionMs: null, devices: null, wins: 'first', quotaBytes: null, per: 'day' } as const
  const list: Limit[] = [
    { ...none, name: 'boss', of: { kind: 'account', pattern: 'boss@example.org' }, devices: 9, wins: 'newest' },
    { ...none, name: 'fair', of: { kind: 'vouchers', pattern: 'fair' }, quotaBytes: 7 },
    { ...none, name: 'all', of: { kind: 'account', pattern: '*' }, devices: 2, sessionMs: 5, quotaBytes: 1 },
    { ...none, name: 'click', of: { kind: 'method', method: 'click' }, sessionMs: 3 },
  ]
  const limits = new Limits(list)
  const boss = { method: 'account', account: 'Boss@example.org', label: null }
  t.same(limits.devices(boss), { maxDevices: 9, wins: 'newest' })
  t.equal(limits.sessionMs(boss), 5)
  t.same(limits.quota(boss), { name: 'all', bytes: 1, per: 'day' })
  const voucher = { method: 'voucher', account: 'voucher-00', label: 'Fair' }
  t.equal(limits.devices(voucher), null, 'an account that a voucher has is none for patterns of accounts')
  t.same(limits.quota(voucher), { name: 'fair', bytes: 7, per: 'day' })
  const click = { method: 'click', account: '', label: null }
  t.equal(limits.sessionMs(click), 3)
  t.equal(limits.quota(click), null)
  t.equal(new Limits([]).sessionMs(click), null)
  t.end()
})

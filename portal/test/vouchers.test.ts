import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { createVouchers, listVouchers, revokeVoucher } from '../../access/vouchers.ts'
import { openSite, seen, Visitor } from './site.ts'

t.test('vouchers: create, list, revoke', async (t) => {
  const site = await openSite(t, { methods: ['voucher'] })
  t.teardown(() => site.close())
  const now = Date.now()
  const order = { count: 3, validForMs: 3_600_000, maxDevices: 2, label: 'fair', now }
  const made = await createVouchers(site.access, 'secret', order)
  t.equal(new Set(made.map(({ code }) => code)).size, 3)
  await seen(site)
  t.match(listVouchers(site.access, now), [
    { state: 'unused', devices: 0, maxDevices: 2, label: 'fair', ends: null },
    { state: 'unused' },
    { state: 'unused' },
  ])
  const target = '/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=00:11:22:33:44:55'
  const use = async (code: string) => {
    const visitor = new Visitor(site.bases[0])
    await visitor.get(target)
    return (await visitor.post(target, { method: 'voucher', code })).response.status
  }
  const [{ id, code }] = made
  t.equal(await use(code), 302)
  await seen(site)
  const used = listVouchers(site.access, Date.now()).find((voucher) => voucher.id === id)
  t.match(used, { state: 'in_use', devices: 1 })
  t.ok(used !== undefined && used.firstUsed !== null && used.ends === used.firstUsed + 3_600_000)
  t.match(
    listVouchers(site.access, now + 7_200_000).find((voucher) => voucher.id === id),
    { state: 'over' },
  )

  t.equal(await revokeVoucher(site.access, 'nothing', '', now), false)
  t.equal(await revokeVoucher(site.access, id, 'lost', Date.now()), true)
  await seen(site)
  t.match(
    listVouchers(site.access, Date.now()).find((voucher) => voucher.id === id),
    { state: 'revoked', devices: 1 },
  )
  t.match(site.access.get(`account:voucher-${id}`, Date.now()), { verdict: 'deny', reason: 'lost' })
  t.equal(await use(code), 403)
})

t.test('with another token key no voucher is valid', async (t) => {
  const access = await FileAccessLog.open(t.testdir({}), createLogger('test'))
  t.teardown(() => access.close())
  const order = { count: 1, validForMs: 3_600_000, maxDevices: 1, label: '', now: Date.now() }
  const [{ id }] = await createVouchers(access, 'a secret', order)
  t.same(
    listVouchers(access, Date.now()).map((voucher) => voucher.id),
    [id],
  )
})

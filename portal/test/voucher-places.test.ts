import t, { type Test } from 'tap'
import { createVouchers, listVouchers, releaseVoucher, type VoucherOrder } from '../../access/vouchers.ts'
import { voucherAccount } from '../../access/vouchers.ts'
import { LOGGED_OUT, SUBJECTS } from '../../access/subjects.ts'
import { openSite, seen, Visitor, type Site } from './site.ts'

/*
 * Which devices may be online with a voucher. A device's place was taken for good: who lost a phone, or logged out and handed the voucher on, had
 * paid for nothing. Sessions had the portal's length, and no quota.
 */

const HOUR = 3_600_000
const DAY = 24 * HOUR
const MAC = (last: number) => `00-11-22-33-44-${String(last).padStart(2, '0')}`
const login = (mac: string) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=${mac}`

async function openVoucher(t: Test, order: Partial<VoucherOrder>) {
  const site = await openSite(t, { methods: ['voucher'] })
  t.teardown(() => site.close())
  const all = { count: 1, validForMs: 7 * DAY, maxDevices: 1, label: 'fair', now: Date.now(), ...order }
  const [{ id, code }] = await createVouchers(site.access, 'secret', all)
  await seen(site)
  let which = 0
  const use = async (mac: string) => {
    const visitor = new Visitor(site.bases[which++ % 2])
    await visitor.get(login(mac))
    const { response } = await visitor.post(login(mac), { method: 'voucher', code })
    await seen(site)
    return response.status
  }
  return { site, id, code, use }
}

const latest = async (site: Site) => (await site.grants()).at(-1) as Record<string, unknown>
const denial = (site: Site, session: unknown) => site.access.get(SUBJECTS.session.of(String(session)), Date.now())

t.test('a place is free when its session is over', async (t) => {
  const { site, id, use } = await openVoucher(t, {})
  t.equal(await use(MAC(1)), 302)
  const { session_id: session, ends } = await latest(site)
  t.equal(await use(MAC(2)), 403)
  t.equal(await use(MAC(1)), 302, 'the device itself may come back')
  const again = String((await latest(site))['session_id'])
  t.not(again, session)
  for (const sessionId of [String(session), again])
    await site.access.put(SUBJECTS.session.of(sessionId), {
      verdict: 'deny',
      reason: LOGGED_OUT,
      until: ends as number,
      updatedAt: Date.now(),
    })
  await seen(site)
  t.match(listVouchers(site.access, Date.now()), [{ state: 'in_use', devices: 0 }])
  t.equal(await use(MAC(2)), 302, 'after its logout another device may use the voucher')
  t.equal(await use(MAC(1)), 403, 'and then the first one may not')
  t.match(listVouchers(site.access, Date.now()), [{ id, devices: 1 }])
})

t.test('the newest device wins, if the voucher says so', async (t) => {
  const { site, use } = await openVoucher(t, { wins: 'newest', maxDevices: 2 })
  const sessions: unknown[] = []
  for (const last of [1, 2, 3]) {
    t.equal(await use(MAC(last)), 302)
    sessions.push((await latest(site))['session_id'])
  }
  t.match(denial(site, sessions[0]), { verdict: 'deny', reason: 'replaced' }, 'the oldest has to go')
  t.equal(denial(site, sessions[1]), undefined)
  t.equal(denial(site, sessions[2]), undefined)
  t.equal(await use(MAC(1)), 302, 'and may come back')
  t.match(denial(site, sessions[1]), { reason: 'replaced' })
})

t.test('an operator frees the places', async (t) => {
  const { site, id, use } = await openVoucher(t, { maxDevices: 2 })
  t.equal(await use(MAC(1)), 302)
  const { session_id: first } = await latest(site)
  t.equal(await use(MAC(2)), 302)
  t.equal(await use(MAC(3)), 403)
  t.equal(await releaseVoucher(site.access, 'nothing', null, Date.now()), null)
  t.equal(await releaseVoucher(site.access, id, MAC(9), Date.now()), 0)
  t.equal(await releaseVoucher(site.access, id, MAC(1), Date.now()), 1)
  await seen(site)
  t.match(denial(site, first), { verdict: 'deny', reason: 'released' })
  t.equal(await use(MAC(3)), 302)
  t.equal(await releaseVoucher(site.access, id, null, Date.now()), 2)
})

t.test('a voucher has a session length of its own, which may be longer than the portal’s', async (t) => {
  for (const [sessionMs, expected] of [
    [3 * DAY, 3 * DAY],
    [HOUR, HOUR],
    [undefined, DAY],
    [30 * DAY, 7 * DAY],
  ] as const) {
    const { site, use } = await openVoucher(t, { sessionMs })
    t.equal(await use(MAC(1)), 302)
    const { issued, ends } = (await latest(site)) as { issued: number; ends: number }
    t.ok(Math.abs(ends - issued - expected) < 60_000, `${String(sessionMs)}`)
  }
})

t.test('devices that version 0.1 recorded do not take places', async (t) => {
  const { site, id, use } = await openVoucher(t, {})
  const entry = { verdict: 'allow', reason: '', until: null, updatedAt: Date.now() } as const
  await site.access.claim(`voucher:${id}:device:1`, { ...entry, data: { device: MAC(8) } })
  await seen(site)
  t.equal(await use(MAC(1)), 302)
  t.match(
    [...site.access.entries('place:', Date.now())],
    [[`place:1 ${voucherAccount(id)}`, { data: { device: MAC(1) } }]],
  )
})

t.test('a scanned code is filled in', async (t) => {
  const { site, code } = await openVoucher(t, {})
  const scanned = encodeURIComponent(`http://hello.example/?voucher=${code}`)
  t.match((await new Visitor(site.bases[0]).get(`${login(MAC(1))}&url=${scanned}`)).html, `value="${code}"`)
  const strange = encodeURIComponent('http://hello.example/?voucher="><script>')
  t.notMatch((await new Visitor(site.bases[0]).get(`${login(MAC(1))}&url=${strange}`)).html, '<script>')
})

t.test('the page says how many devices are online, also to a browser that only has a token', async (t) => {
  const { site, use, code } = await openVoucher(t, { maxDevices: 3 })
  t.equal(await use(MAC(1)), 302)
  const visitor = new Visitor(site.bases[0])
  await visitor.get(login(MAC(2)))
  const { response } = await visitor.post(login(MAC(2)), { method: 'voucher', code })
  await seen(site)
  t.match((await visitor.get('/portal/?gw_id=hall')).html, 'Devices online: 2 of 3')
  const token = new URL(response.headers.get('location') as string).searchParams.get('token') as string
  const other = new Visitor(site.bases[1], { 'accept-language': 'de' })
  t.match((await other.get(`/portal/?gw_id=hall&token=${token}&mac=${MAC(2)}`)).html, 'Geräte online: 2 von 3')
  const [first] = await site.grants()
  const entry = { verdict: 'deny', reason: '', until: first['ends'] as number, updatedAt: Date.now() } as const
  await site.access.put(SUBJECTS.session.of(String(first['session_id'])), entry)
  await seen(site)
  t.match((await visitor.get('/portal/?gw_id=hall')).html, 'Devices online: 1 of 3')
})

import t, { type Test } from 'tap'
import type { Limit } from '../../access/limits.ts'
import { SUBJECTS } from '../../access/subjects.ts'
import { createVouchers } from '../../access/vouchers.ts'
import { startMailServer } from '../../test/helpers/mail-server.ts'
import { openSite, seen, Visitor, type Site } from './site.ts'

/* Limits of methods, accounts and voucher groups at the login. */

const HOUR = 3_600_000
const MAC = (last: number) => `00-11-22-33-44-${String(last).padStart(2, '0')}`
const login = (mac: string) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=${mac}`
const none = { sessionMs: null, devices: null, wins: 'first', quotaBytes: null, per: 'day' } as const

async function enter(site: Site, mac: string, fields: Record<string, string>) {
  const visitor = new Visitor(site.bases[0])
  await visitor.get(login(mac))
  const { response, html } = await visitor.post(login(mac), fields)
  await seen(site)
  return { status: response.status, html, visitor }
}

const open = async (t: Test, limits: readonly Limit[], more = {}) => {
  const site = await openSite(t, { limits, ...more })
  t.teardown(() => site.close())
  return site
}

const length = async (site: Site) => {
  const { issued, ends } = (await site.grants()).at(-1) as { issued: number; ends: number }
  return ends - issued
}

t.test('a method has a session length and a quota of its own, which its page shows', async (t) => {
  const limits: Limit[] = [
    { ...none, name: 'guests', of: { kind: 'method', method: 'click' }, sessionMs: HOUR, quotaBytes: 5e8 },
  ]
  const site = await open(t, limits)
  const { status, visitor } = await enter(site, MAC(1), { method: 'click' })
  t.equal(status, 302)
  t.equal(await length(site), HOUR)
  const { html } = await visitor.get('/portal/?gw_id=hall')
  t.match(html, 'Data left: about 500 MB')
  t.match(html, /Time left: (1 hour|59 minutes)/)

  const spent = { verdict: 'allow', reason: 'quota:guests', until: Date.now() + HOUR, updatedAt: Date.now() } as const
  await site.access.put(SUBJECTS.spent.of({ quota: 'guests', person: MAC(2) }), spent)
  await seen(site)
  const refused = await enter(site, MAC(2), { method: 'click' })
  t.equal(refused.status, 403)
  t.match(refused.html, 'used up for today')
  t.equal((await enter(site, MAC(3), { method: 'click' })).status, 302)
})

t.test('an account has so many devices online at a time', async (t) => {
  const { url } = await startMailServer(t)
  const mail = { url, from: 'wifi@example.org', perHour: 1000 }
  const limits: Limit[] = [
    { ...none, name: 'newest', of: { kind: 'account', pattern: '*@newest.example' }, devices: 1, wins: 'newest' },
    { ...none, name: 'accounts', of: { kind: 'method', method: 'account' }, devices: 2, sessionMs: 100 * HOUR },
  ]
  const site = await open(t, limits, { methods: ['account'], mail })
  const as = (email: string) => ({ email, password: 'correct horse battery' })
  const signUp = async (email: string, mac: string) => {
    const visitor = new Visitor(site.bases[0])
    const target = `${login(mac)}&page=signup`
    await visitor.get(target)
    const { response } = await visitor.post(target, { method: 'signup', ...as(email) })
    await seen(site)
    return response.status
  }
  const session = async () => String((await site.grants()).at(-1)?.['session_id'])
  t.equal(await signUp('alice@example.org', MAC(1)), 302)
  const first = await session()
  t.equal(await length(site), 100 * HOUR, 'longer than the portal’s longest session')
  t.equal((await enter(site, MAC(2), { method: 'account', ...as('alice@example.org') })).status, 302)
  const third = await enter(site, MAC(3), { method: 'account', ...as('alice@example.org') })
  t.equal(third.status, 403)
  t.match(third.html, 'as many devices as it may be')
  await site.access.put(SUBJECTS.session.of(first), {
    verdict: 'deny',
    reason: 'logged_out',
    until: null,
    updatedAt: Date.now(),
  })
  await seen(site)
  t.equal((await enter(site, MAC(3), { method: 'account', ...as('alice@example.org') })).status, 302)

  t.equal(await signUp('bob@newest.example', MAC(4)), 302)
  const before = await session()
  t.equal((await enter(site, MAC(5), { method: 'account', ...as('bob@newest.example') })).status, 302)
  t.match(site.access.get(SUBJECTS.session.of(before), Date.now()), { verdict: 'deny', reason: 'replaced' })
})

t.test('a group of vouchers has limits, and what a voucher says of itself counts before them', async (t) => {
  const limits: Limit[] = [
    { ...none, name: 'fair', of: { kind: 'vouchers', pattern: 'fair' }, sessionMs: HOUR, quotaBytes: 1e9 },
  ]
  const site = await open(t, limits, { methods: ['voucher'] })
  const order = { count: 1, validForMs: 48 * HOUR, maxDevices: 1, now: Date.now() }
  const codes = [
    ...(await createVouchers(site.access, 'secret', { ...order, label: 'fair' })),
    ...(await createVouchers(site.access, 'secret', { ...order, label: 'fair', sessionMs: 2 * HOUR, quotaBytes: 2e9 })),
    ...(await createVouchers(site.access, 'secret', { ...order, label: 'hotel' })),
  ].map(({ code }) => code)
  await seen(site)
  const lengths: number[] = []
  const quotas: unknown[] = []
  for (const [index, code] of codes.entries()) {
    t.equal((await enter(site, MAC(index), { method: 'voucher', code })).status, 302)
    lengths.push(await length(site))
    const session = String((await site.grants()).at(-1)?.['session_id'])
    quotas.push(site.access.get(SUBJECTS.sessionQuota.of(session), Date.now())?.data ?? null)
  }
  t.same(lengths, [HOUR, 2 * HOUR, 24 * HOUR])
  t.same(quotas, [{ fair: { used: 0, limit: 1e9, unit: 'bytes' } }, null, null])
})

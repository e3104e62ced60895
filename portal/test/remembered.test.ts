import t from 'tap'
import { SUBJECTS } from '../../access/subjects.ts'
import { createVouchers, revokeVoucher } from '../../access/vouchers.ts'
import { put } from './services.ts'
import { openSite, seen, Visitor } from './site.ts'

/* Devices that logged in before go online with one click, or by themselves, if the operator wants it. */

const DAY = 24 * 3_600_000
const MAC = '00-11-22-33-44-55'
const login = (gwId: string, mac = MAC) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=${gwId}&mac=${mac}`

async function openRemembering(t: Test, forMs: number | null, rememberedLogin: 'click' | 'automatic' = 'click') {
  const site = await openSite(t, { methods: ['voucher'], rememberDeviceMs: forMs, rememberedLogin })
  t.teardown(() => site.close())
  await put(site.access, 'registration:hall', { address: '192.168.77.1', sources: ['127.0.0.1'] })
  await put(site.access, 'registration:elsewhere', { address: '192.168.77.1', sources: ['203.0.113.7'] })
  const order = { count: 1, validForMs: 7 * DAY, maxDevices: 1, label: '', now: Date.now() }
  const [{ id, code }] = await createVouchers(site.access, 'secret', order)
  await seen(site)
  const visitor = new Visitor(site.bases[0])
  t.notMatch((await visitor.get(login('hall'))).html, 'Connect again')
  const { response } = await visitor.post(login('hall'), { method: 'voucher', code })
  t.equal(response.status, 302)
  const token = new URL(response.headers.get('location') as string).searchParams.get('token') as string
  const used = await fetch(`${site.bases[0]}/auth/?stage=login&ip=10.0.0.1&mac=${MAC}&token=${token}&gw_id=hall`)
  t.equal(await used.text(), 'Auth: 1')
  await seen(site)
  const again = async (gwId: string, mac = MAC) => {
    const other = new Visitor(site.bases[1], {}, false)
    const isOffered = (await other.get(login(gwId, mac))).html.includes('Connect again')
    const { response } = await other.post(login(gwId, mac), { method: 'remembered' })
    await seen(site)
    return { isOffered, status: response.status }
  }
  return { site, id, visitor, again }
}

type Test = Parameters<typeof openSite>[0]

t.test('a device is known where its gateway vouches for it, and its voucher still counts', async (t) => {
  const { site, id, again } = await openRemembering(t, 30 * DAY)
  t.same(await again('hall'), { isOffered: true, status: 302 })
  const grants = await site.grants()
  t.match(grants[1], { method: 'voucher', account: `voucher-${id}`, mac: MAC })
  t.not(grants[1]['session_id'], grants[0]['session_id'])
  t.same(await again('hall', '00-11-22-33-44-66'), { isOffered: false, status: 403 }, 'another device')
  t.same(await again('elsewhere'), { isOffered: false, status: 403 }, 'a gateway whose sources are others')
  t.same(await again('unregistered'), { isOffered: false, status: 403 })
  t.match(site.access.get(SUBJECTS.remembered.of(MAC), Date.now() + 29 * DAY), { data: { method: 'voucher' } })
  t.equal(site.access.get(SUBJECTS.remembered.of(MAC), Date.now() + 31 * DAY), undefined)
  await revokeVoucher(site.access, id, 'lost', Date.now())
  await seen(site)
  t.equal((await again('hall')).status, 403, 'a voucher that was revoked lets nobody in')
})

t.test('whoever logs out is asked again', async (t) => {
  const { site, visitor, again } = await openRemembering(t, 30 * DAY)
  const { html } = await visitor.get('/portal/?gw_id=hall')
  t.match(html, 'name="logout"')
  t.equal((await visitor.post('/gw_message/?gw_id=hall', { logout: '1' })).response.status, 200)
  await seen(site)
  t.same(await again('hall'), { isOffered: false, status: 403 })
})

t.test('by default no device is remembered', async (t) => {
  const { site, again } = await openRemembering(t, null)
  t.same(await again('hall'), { isOffered: false, status: 403 })
  t.same([...site.access.entries('remembered:', Date.now())], [])
})

t.test('a device comes back by itself, once a minute', async (t) => {
  const { site, id } = await openRemembering(t, 30 * DAY, 'automatic')
  const visit = async (target: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await fetch(site.bases[1] + target, { method, headers, redirect: 'manual' })
    await seen(site)
    const html = await response.text()
    return { status: response.status, location: response.headers.get('location') ?? '', html }
  }
  const granted = async () => (await site.grants()).length
  const others: [what: string, target: string, headers?: Record<string, string>, method?: string][] = [
    ['HEAD', login('hall'), {}, 'HEAD'],
    ['a page fetched ahead of time', login('hall'), { 'Sec-Purpose': 'prefetch;prerender' }],
    ['a preview', login('hall'), { 'X-Moz': 'prefetch' }],
    ['an image of another page', login('hall'), { 'Sec-Fetch-Dest': 'image' }],
    ['a frame in another page', login('hall'), { 'Sec-Fetch-Dest': 'iframe' }],
    ['another page', `${login('hall')}&page=signup`],
    ['a scanned voucher', `${login('hall')}&url=http%3A%2F%2Fexample.org%2F%3Fvoucher%3DABCD`],
    ['after a failure', `${login('hall')}&failed=error.quota`],
    ['another device', login('hall', '00-11-22-33-44-66')],
    ['without a device', login('hall', '')],
    ['a gateway whose sources are others', login('elsewhere')],
    ['a gateway that is not registered', login('unregistered')],
  ]
  for (const [what, target, headers, method] of others)
    t.equal((await visit(target, headers, method)).status, 200, what)
  t.equal(await granted(), 1, 'nobody else went online')
  const back = await visit(login('hall'), { 'Sec-Fetch-Dest': 'document', 'Sec-Fetch-Site': 'cross-site' })
  t.match(back, { status: 302, location: /^http:\/\/192\.168\.77\.1:2060\/wifidog\/auth\?/ })
  t.match((await site.grants())[1], { method: 'voucher', account: `voucher-${id}`, mac: MAC })
  const again = await visit(login('hall'))
  t.equal(again.status, 200, 'the gateway sent it back: no second redirect')
  t.match(again.html, 'Connect again')
  t.equal(await granted(), 2)
  // As if it was a minute ago.
  const { data } = site.access.get(SUBJECTS.remembered.of(MAC), Date.now()) as { data: Record<string, unknown> }
  await put(site.access, `remembered:${MAC}`, { ...data, automaticAt: Date.now() - 60_000 })
  await seen(site)
  t.equal((await visit(login('hall'))).status, 302)
  await put(site.access, `remembered:${MAC}`, data)
  await seen(site)
  t.equal((await visit(login('hall').replace('192.168.77.1', '203.0.113.9'))).status, 400, 'no address of a gateway')
  await put(site.access, `remembered:${MAC}`, { account: `voucher-${id}`, method: 'voucher' })
  await revokeVoucher(site.access, id, 'lost', Date.now())
  await seen(site)
  const refused = await visit(login('hall'))
  t.equal(refused.status, 200, 'a voucher that was revoked lets nobody in')
  t.equal(await granted(), 3)
})

t.test('whoever logs out or is cut off does not go online by itself', async (t) => {
  const { site, visitor } = await openRemembering(t, 30 * DAY, 'automatic')
  const [{ session_id: session }] = await site.grants()
  const subject = SUBJECTS.session.of(String(session))
  await site.access.put(subject, { verdict: 'deny', reason: 'noise', until: null, updatedAt: Date.now() })
  await seen(site)
  for (const browser of [visitor, visitor, new Visitor(site.bases[0])]) {
    const cutOff = await browser.get(login('hall'))
    t.equal(cutOff.response.status, 200)
    t.match(cutOff.html, 'Connect again')
  }
  await site.access.put(subject, null)
  await seen(site)
  // Another login, and a gateway that sends the token to the portal, and could log out by itself.
  const { response: back } = await visitor.post(login('hall'), { method: 'remembered' })
  const token = new URL(back.headers.get('location') as string).searchParams.get('token') as string
  const { html } = await visitor.get(`/portal/?gw_id=hall&token=${token}`)
  t.match(html, 'name="logout"')
  t.notMatch(html, 'logout=')
  t.equal((await visitor.post('/gw_message/?gw_id=hall', { logout: '1' })).response.status, 200)
  await seen(site)
  const { response, html: asked } = await visitor.get(login('hall'))
  t.equal(response.status, 200)
  t.notMatch(asked, 'Connect again')
})

import t from 'tap'
import { SUBJECTS } from '../../../access/subjects.ts'
import { createVouchers, revokeVoucher } from '../../../access/vouchers.ts'
import { put } from './services.ts'
import { openSite, seen, Visitor } from './site.ts'

/* Devices that logged in before go online with one click, if the operator wants it. */

const DAY = 24 * 3_600_000
const MAC = '00-11-22-33-44-55'
const login = (gwId: string, mac = MAC) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=${gwId}&mac=${mac}`

async function openRemembering(t: Test, forMs: number | null) {
  const site = await openSite(t, { methods: ['voucher'], rememberDeviceMs: forMs })
  t.teardown(() => site.close())
  await put(site.access, 'registration:hall', { address: '192.168.77.1', sources: ['127.0.0.1'] })
  await put(site.access, 'registration:elsewhere', { address: '192.168.77.1', sources: ['203.0.113.7'] })
  const order = { count: 1, validForMs: 7 * DAY, maxDevices: 1, label: '', now: Date.now() }
  const [{ id, code }] = await createVouchers(site.access, 'secret', order)
  await seen(site)
  const visitor = new Visitor(site.bases[0])
  t.notMatch((await visitor.get(login('hall'))).html, 'Connect again')
  t.equal((await visitor.post(login('hall'), { method: 'voucher', code })).response.status, 302)
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

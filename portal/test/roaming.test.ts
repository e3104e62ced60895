import t from 'tap'
import { Tokens } from '../../access/token.ts'
import { clickThrough } from '../../test/helpers/gateway-fleet.ts'
import { openSite, seen, type Site } from './site.ts'

/* `stage=roam` (wifidog-ng 2): a device's session continues at another gateway. */
const MAC = '02:00:00:00:00:01'
const tokens = new Tokens(['secret'])

const decided = (verdict: 'allow' | 'deny', data = {}) => ({
  verdict,
  reason: '',
  until: null,
  updatedAt: Date.now(),
  data,
})

async function ask(site: Site, query: string): Promise<string> {
  const response = await fetch(`${site.bases[0]}/wifidog/auth/?${query}`)
  return response.text()
}

/** A site with gateways A, B (registered, this host), C (registered, elsewhere) and D (not), and a device online at A. */
async function online(t: Parameters<typeof openSite>[0], roaming: boolean): Promise<{ site: Site; token: string }> {
  const site = await openSite(t, { roaming })
  for (const gateway of ['A', 'B']) {
    await site.access.put(`registration:${gateway}`, decided('allow', { sources: ['127.0.0.0/8'] }))
  }
  await site.access.put('registration:C', decided('allow', { sources: ['198.51.100.1'] }))
  await seen(site)
  const port = Number(new URL(site.bases[0]).port)
  const token = await clickThrough(port, { id: 'A', address: '127.0.0.1' }, MAC, '10.0.0.7')
  t.equal(await ask(site, `stage=login&ip=10.0.0.7&mac=${MAC}&token=${token}&gw_id=A`), 'Auth: 1')
  await seen(site)
  return { site, token }
}

t.test('a session follows its device', async (t) => {
  const { site, token } = await online(t, true)
  const answer = await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}&gw_id=B`)
  t.match(answer, /^token=[0-9A-Za-z]{32}$/)
  const given = answer.slice('token='.length)
  t.equal(
    await ask(site, `stage=counters&ip=10.0.1.7&mac=${MAC}&token=${given}&incoming=1&outgoing=1&gw_id=B`),
    'Auth: 1',
  )
  t.equal(
    await ask(site, `stage=counters&ip=10.0.1.7&mac=02:00:00:00:00:02&token=${given}&incoming=1&outgoing=1&gw_id=B`),
    'Auth: 0',
    'of this device',
  )
  t.equal(
    await ask(site, `stage=counters&ip=10.0.1.7&mac=${MAC}&token=${given}&incoming=1&outgoing=1&gw_id=A`),
    'Auth: 0',
    'at this gateway',
  )
  const [first, second] = [token, given].map((text) => tokens.verify(text, '02-00-00-00-00-01'))
  t.ok(Math.abs((first?.end ?? 0) - (second?.end ?? 1)) <= 2000, 'it ends when the first session would have ended')
  t.match(await site.grants(), [
    { gw_id: 'A', session_id: first?.sessionId },
    { gw_id: 'B', session_id: second?.sessionId, mac: '02-00-00-00-00-01', method: 'click' },
  ])
  const stored = site.log.decoded('gateway_auth').map(({ record }) => record)
  t.match(stored[1], { stage: 'roam', gw_id: 'B', auth_code: 1, own: true, session_id: second?.sessionId })

  await seen(site)
  const presence = (gateway: string) => ask(site, `stage=query&ip=10.0.1.7&mac=${MAC}&gw_id=${gateway}`)
  t.same([await presence('A'), await presence('B')], ['Auth: 0\n', 'Auth: 1\n'], 'it is online where it is')

  // Logging out ends the roaming session.
  t.equal(await ask(site, `stage=logout&ip=10.0.1.7&mac=${MAC}&token=${given}&gw_id=B`), 'Auth: 0')
  await seen(site)
  t.equal(await ask(site, `stage=roam&ip=10.0.0.7&mac=${MAC}&gw_id=A`), 'Auth: 0')
  await site.close()
})

t.test('roaming: no other device and no other gateway gets a token', async (t) => {
  const { site } = await online(t, true)
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=02:00:00:00:00:09&gw_id=B`), 'Auth: 0', 'no session')
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=&gw_id=B`), 'Auth: 0', 'no device')
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}&gw_id=C`), 'Auth: 0', 'from elsewhere than the gateway')
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}&gw_id=D`), 'Auth: 0', 'not registered')
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}`), 'Auth: 0', 'no gateway')
  await site.access.put('gateway:B', decided('deny'))
  await seen(site)
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}&gw_id=B`), 'Auth: 0', 'a gateway that is denied')
  await site.access.put('gateway:B', null)
  await site.access.put('mac:02-00-00-00-00-01', decided('deny'))
  await seen(site)
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}&gw_id=B`), 'Auth: 0', 'a device that is denied')
  await site.close()
})

t.test('roaming is off by default', async (t) => {
  const { site } = await online(t, false)
  t.equal(await ask(site, `stage=roam&ip=10.0.1.7&mac=${MAC}&gw_id=B`), 'Auth: -1')
  await site.close()
})

/*
 * Symptom: apfree got 404 for its questions about a client that moved or came without a token. Root cause: they have paths of their own.
 */
t.test('apfree asks by roam and login2', async (t) => {
  const { site } = await online(t, true)
  const get = async (path: string) => {
    const response = await fetch(`${site.bases[0]}/wifidog/${path}`)
    t.equal(response.status, 200, path)
    return response.json()
  }
  const login2 = `gw_address=10.0.1.1&gw_port=2060&mac=${MAC}&gw_channel=apfree&ip=10.0.1.7`
  const client = { token: /^[0-9A-Za-z]{32}$/, firstLogin: Number, gw_id: 'B' }
  t.match(await get(`roam?gw_id=B&mac=${MAC}&gw_channel=apfree`), { roam: 'yes', client })
  t.match(await get(`login2?gw_id=B&${login2}`), { ret_code: 0, client })
  const again = (await get(`login2?gw_id=B&${login2}`)) as { client: { token: string } }
  const counters = `stage=counters&ip=10.0.1.7&mac=${MAC}&token=${again.client.token}&incoming=1&outgoing=1&gw_id=B`
  t.equal(await ask(site, counters), 'Auth: 1', 'the token is good')
  for (const gateway of ['C', 'D'])
    t.same(await get(`roam?gw_id=${gateway}&mac=${MAC}&gw_channel=x`), { roam: 'no' }, gateway)
  t.same(await get('roam?gw_id=B&mac=02:00:00:00:00:09'), { roam: 'no' }, 'no session')
  t.same(await get(`login2?gw_id=C&${login2}`), { ret_code: 1 })
  await site.grants()
  const stored = site.log.decoded('gateway_auth').map(({ record }) => record)
  t.match(stored[1], { stage: 'roam', gw_id: 'B', auth_code: 1, own: true })
  t.same(site.log.decoded('dead_letters'), [])
  await site.close()
  const off = await online(t, false)
  const answer = await fetch(`${off.site.bases[0]}/wifidog/roam?gw_id=B&mac=${MAC}`)
  t.same(await answer.json(), { roam: 'no' }, 'off by default')
  await off.site.close()
})

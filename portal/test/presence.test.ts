import t from 'tap'
import { Tokens } from '../../access/token.ts'
import { clickThrough } from '../../test/helpers/gateway-fleet.ts'
import { openSite, seen, type Site } from './site.ts'

/*
 * `stage=query` (Ruijie and Reyee): a gateway asks by MAC, without a token, whether a client may be online. Symptom: it was answered -1 and made a
 * dead letter each time. Root cause: the stage was not known, and nothing knew a session without its token.
 */
const MAC = '02:00:00:00:00:01'

const decided = (verdict: 'allow' | 'deny', data = {}) => ({
  verdict,
  reason: '',
  until: null,
  updatedAt: Date.now(),
  data,
})

async function ask(site: Site, query: string): Promise<string> {
  const response = await fetch(`${site.bases[0]}/auth/wifidogAuth/auth/?${query}`)
  return response.text()
}

const query = (gateway: string, mac = MAC) => `gw_id=${gateway}&stage=query&mac=${mac}&ip=10.0.0.7`

/** A site with gateways A, B (registered, this host), C (registered, elsewhere) and D (not), and a device online at all of them. */
async function online(t: Parameters<typeof openSite>[0]): Promise<{ site: Site; token: string }> {
  const site = await openSite(t)
  for (const gateway of ['A', 'B']) {
    await site.access.put(`registration:${gateway}`, decided('allow', { sources: ['127.0.0.0/8'] }))
  }
  await site.access.put('registration:C', decided('allow', { sources: ['198.51.100.1'] }))
  await seen(site)
  t.equal(await ask(site, query('A')), 'Auth: 0\n', 'before the login')
  const port = Number(new URL(site.bases[0]).port)
  const login = async (id: string) => {
    const token = await clickThrough(port, { id, address: '127.0.0.1' }, MAC, '10.0.0.7')
    const answer = await ask(site, `stage=login&ip=10.0.0.7&mac=${MAC}&token=${token}&gw_id=${id}`)
    return { token, answer }
  }
  t.equal((await login('D')).answer, 'Auth: 1')
  const { token, answer } = await login('A')
  t.equal(answer, 'Auth: 1')
  await seen(site)
  return { site, token }
}

t.test('a client with a session that lives is online at its gateway', async (t) => {
  const { site, token } = await online(t)
  t.equal(await ask(site, query('A')), 'Auth: 1\n')
  t.equal(await ask(site, query('A', '02-00-00-00-00-01')), 'Auth: 1\n', 'in another spelling')
  t.equal(await ask(site, query('A', '02:00:00:00:00:02')), 'Auth: 0\n', 'another device')
  t.equal(await ask(site, query('A', '')), 'Auth: 0\n', 'no device')
  t.equal(await ask(site, query('B')), 'Auth: 0\n', 'another gateway')
  t.equal(await ask(site, query('C')), 'Auth: 0\n', 'from elsewhere than the gateway')
  t.equal(await ask(site, query('D')), 'Auth: 0\n', 'not registered: anybody may ask')
  await site.grants()
  const sessionId = new Tokens(['secret']).verify(token, '02-00-00-00-00-01')?.sessionId
  const stored = site.log.decoded('gateway_auth').map(({ record }) => record)
  const asked = stored.filter(({ stage }) => stage === 'query')
  t.match(asked[1], { auth_code: 1, own: false, session_id: sessionId, mac: '02-00-00-00-00-01', gw_id: 'A' })
  t.ok(asked.every(({ own }) => own === false))
  t.same(site.log.decoded('dead_letters'), [])

  await ask(site, `stage=logout&ip=10.0.0.7&mac=${MAC}&token=${token}&gw_id=A`)
  await seen(site)
  t.equal(await ask(site, query('A')), 'Auth: 0\n', 'after the logout')
  await site.close()
})

/*
 * Symptom: a device that had gone on to another gateway was online at the first one until the end of its session there. Root cause: each gateway's
 * entry was looked at alone.
 */
t.test('a device that went online at another gateway is online there', async (t) => {
  const { site } = await online(t)
  const port = Number(new URL(site.bases[0]).port)
  const report = async (id: string, stage: string, token: string) => {
    const answer = await ask(
      site,
      `stage=${stage}&ip=10.0.0.7&mac=${MAC}&token=${token}&gw_id=${id}&incoming=1&outgoing=1`,
    )
    t.equal(answer, 'Auth: 1', `${stage} at ${id}`)
    await seen(site)
  }
  const goesTo = async (id: string) => {
    const token = await clickThrough(port, { id, address: '127.0.0.1' }, MAC, '10.0.0.7')
    await report(id, 'login', token)
    return token
  }
  const isOnline = async (expected: Record<'A' | 'B', string>, when: string) => {
    for (const [id, answer] of Object.entries(expected))
      t.equal(await ask(site, query(id)), `Auth: ${answer}\n`, `${id} ${when}`)
  }
  const atA = await goesTo('A')
  await isOnline({ A: '1', B: '0' }, 'before it moves')
  const atB = await goesTo('B')
  await isOnline({ A: '0', B: '1' }, 'after it has moved')
  await report('B', 'counters', atB)
  await isOnline({ A: '0', B: '1' }, 'after counters where it is')
  // A has not noticed yet. Both sessions live, as in the view sessions.
  await report('A', 'counters', atA)
  await isOnline({ A: '1', B: '1' }, 'while both report it')
  await goesTo('B')
  await isOnline({ A: '0', B: '1' }, 'after another login there')
  await report('A', 'counters', atA)
  await isOnline({ A: '1', B: '1' }, 'while both report it again')
  await report('B', 'login', atB)
  await isOnline({ A: '0', B: '1' }, 'after it logged in again there, with the same token')
  await report('A', 'login', atA)
  await isOnline({ A: '1', B: '0' }, 'after it came back with the token that it had')
  await report('B', 'login', atB)
  await isOnline({ A: '0', B: '1' }, 'after it went on with the first token that it had at the other gateway')
  await ask(site, `stage=logout&ip=10.0.0.7&mac=${MAC}&token=${atB}&gw_id=B`)
  await seen(site)
  await isOnline({ A: '0', B: '0' }, 'after the logout')
  await site.close()
})

/*
 * Symptom: a device that had gone on to WiFiDog 1.1.5 was online at the first gateway until the end of its session there. Root cause: that program does not name
 * its gateway in auth requests, so nothing was written about such logins.
 */
t.test('a device that went online at a gateway that does not name itself is online there', async (t) => {
  const { site, token: atA } = await online(t)
  const port = Number(new URL(site.bases[0]).port)
  const nameless = 'W'
  const report = async (stage: string, token: string, more = '') => {
    const answer = await ask(site, `stage=${stage}&ip=10.0.0.7&mac=${MAC}&token=${token}&incoming=1&outgoing=1${more}`)
    t.equal(answer, 'Auth: 1', stage)
    await seen(site)
  }
  const goesTo = async (id: string) => {
    const token = await clickThrough(port, { id, address: '127.0.0.1' }, MAC, '10.0.0.7')
    await report('login', token)
    return token
  }
  await goesTo(nameless)
  t.equal(await ask(site, query('A')), 'Auth: 1\n', 'at a gateway that is not known, anybody can log in')

  await site.access.put(`registration:${nameless}`, decided('allow', { sources: ['127.0.0.0/8'] }))
  await seen(site)
  const token = await goesTo(nameless)
  t.equal(await ask(site, query('A')), 'Auth: 0\n', 'after the device has moved')
  await report('counters', token)
  t.equal(await ask(site, query('A')), 'Auth: 0\n', 'after counters where it is')
  await report('counters', atA, '&gw_id=A')
  t.equal(await ask(site, query('A')), 'Auth: 1\n', 'while both report it')
  await report('login', token)
  t.equal(await ask(site, query('A')), 'Auth: 0\n', 'after it came back with the token that it had')
  await report('login', atA, '&gw_id=A')
  t.equal(await ask(site, query('A')), 'Auth: 1\n', 'after it came back to the first')
  await site.close()
})

t.test('nobody moves a device by logging in at a gateway that nobody knows', async (t) => {
  const { site } = await online(t)
  const port = Number(new URL(site.bases[0]).port)
  for (const id of ['D', 'C']) {
    const token = await clickThrough(port, { id, address: '127.0.0.1' }, MAC, '10.0.0.7')
    await ask(site, `stage=login&ip=10.0.0.7&mac=${MAC}&token=${token}&gw_id=${id}`)
    await seen(site)
    t.equal(await ask(site, query('A')), 'Auth: 1\n', id)
  }
  await site.close()
})

t.test('decisions about the device, the gateway and the session count', async (t) => {
  const { site, token } = await online(t)
  const sessionId = new Tokens(['secret']).verify(token, '02-00-00-00-00-01')?.sessionId ?? ''
  for (const subject of ['mac:02-00-00-00-00-01', 'gateway:A', `session:${sessionId}`]) {
    await site.access.put(subject, decided('deny'))
    await seen(site)
    t.equal(await ask(site, query('A')), 'Auth: 0\n', subject)
    await site.access.put(subject, null)
    await seen(site)
    t.equal(await ask(site, query('A')), 'Auth: 1\n', subject)
  }
  await site.access.put('mac:02-00-00-00-00-01', decided('deny'))
  await site.access.put(`session:${sessionId}`, decided('allow'))
  await seen(site)
  t.equal(await ask(site, query('A')), 'Auth: 1\n', 'the narrowest decision wins')
  await site.close()
})

t.test('a session that ended, or whose address is not confirmed, admits nobody', async (t) => {
  const { site } = await online(t)
  const now = Date.now()
  const put = async (until: number, confirmBy: number) => {
    const data = { sessionId: '0011', mac: '02-00-00-00-00-01', confirmBy }
    await site.access.put('online:02-00-00-00-00-01 A', { ...decided('allow', data), until })
    await seen(site)
    return ask(site, query('A'))
  }
  t.equal(await put(now + 60_000, 0), 'Auth: 1\n')
  t.equal(await put(now - 1, 0), 'Auth: 0\n', 'over')
  t.equal(await put(now + 60_000, now + 30_000), 'Auth: 0\n', 'not confirmed yet')
  await site.access.put('confirmed:0011', { ...decided('allow'), until: now + 60_000 })
  t.equal(await put(now + 60_000, now + 30_000), 'Auth: 1\n', 'confirmed')
  await site.close()
})

import t, { type Test } from 'tap'
import { PortalCookies } from '../cookie.ts'
import { isProbe } from '../onward.ts'
import { deny, put } from './services.ts'
import { until } from '../../test/helpers/until.ts'
import { openSite, seen, Visitor, type Site } from './site.ts'

/*
 * Pages about a session, as released gateways send browsers to them: without a token. Symptom: time left, quotas, logout and the reason of a denial
 * were never seen, and after a logout the page said how many hours were left. Root cause: only a token told whose session it is.
 */
const MAC = '02:00:00:00:00:01'
const GATEWAY = 'gw_address=192.168.77.1&gw_port=2060&gw_id=G'
const LOGIN = `/wifidog/login/?${GATEWAY}&ip=10.0.0.7&mac=${MAC}&url=http%3A%2F%2Fexample.org%2F`
const PORTAL = '/wifidog/portal/?gw_id=G'

/** Logs in by a click. @returns the token */
async function click(visitor: Visitor, target = LOGIN): Promise<string> {
  await visitor.get(target)
  const { response } = await visitor.post(target, { method: 'click' })
  return new URL(response.headers.get('location') ?? 'http://none/').searchParams.get('token') ?? ''
}

async function auth(site: Site, stage: string, token: string): Promise<string> {
  const query = `stage=${stage}&ip=10.0.0.7&mac=${MAC}&token=${token}&incoming=1&outgoing=1&gw_id=G`
  return (await fetch(`${site.bases[0]}/wifidog/auth/?${query}`)).text()
}

/** A site, and a browser that went online there. */
async function online(t: Test, headers = {}) {
  const site = await openSite(t)
  const visitor = new Visitor(site.bases[0], headers)
  const token = await click(visitor)
  t.equal(await auth(site, 'login', token), 'Auth: 1')
  await seen(site)
  return { site, visitor, token }
}

/** A browser that keeps no cookies. */
class CookielessVisitor extends Visitor {
  override async get(target: string) {
    this.cookie = ''
    return super.get(target)
  }

  override async post(target: string, fields: Record<string, string>) {
    this.cookie = ''
    return super.post(target, fields)
  }
}

/** The path to which the form on a page is sent. */
function action(html: string): string {
  const relative = /<form method="post" action="([^"]+)"/.exec(html)?.[1].replaceAll('&amp;', '&') ?? ''
  const { pathname, search } = new URL(relative, `http://a${PORTAL}`)
  return pathname + search
}

t.test('the cookie of the login tells the session, and logs out', async (t) => {
  const { site, visitor, token } = await online(t)
  const { html } = await visitor.get(PORTAL)
  t.match(html, /Time left: (1 day|23 hours)/)
  t.match(html, 'href="http://example.org/"')
  const forged = new Visitor(site.bases[0])
  forged.cookie = visitor.cookie
  t.equal((await forged.post(action(html), { logout: '1' })).response.status, 403, 'a form of another site')
  t.equal(await auth(site, 'counters', token), 'Auth: 1')
  const out = await visitor.post(action(html), { logout: '1' })
  t.equal(out.response.status, 200)
  t.match(out.html, 'within a few minutes')
  await seen(site)
  t.equal(await auth(site, 'counters', token), 'Auth: 0', 'the gateway is told')
  const after = await visitor.get(PORTAL)
  t.match(after.html, 'You are logged out')
  t.notMatch(after.html, 'Time left')
  t.match(after.html, '../login/?gw_address', 'and the way back')
  // Once the gateway's heartbeats tell how often it reports, the page says by when.
  const says = async (text: RegExp) => {
    await fetch(`${site.bases[0]}/wifidog/ping/?gw_id=G`)
    return text.test((await visitor.get(PORTAL)).html)
  }
  t.ok(await until(() => says(/with its next report, in at most 1 minute\./), 60))
  await site.close()
})

t.test('where no counters come, the page promises no time', async (t) => {
  const languages = {
    en: /not told when/,
    de: /nicht mitgeteilt, wann/,
    fr: /pas indiqué quand/,
    es: /no ha indicado cuándo/,
  }
  for (const [language, text] of Object.entries(languages)) {
    const { site, visitor, token } = await online(t, { 'accept-language': language })
    // Heartbeats alone tell no client that it is out.
    for (let beat = 0; beat < 2; beat++) await fetch(`${site.bases[0]}/wifidog/ping/?gw_id=G`)
    const { html } = await visitor.get(PORTAL)
    t.match((await visitor.post(action(html), { logout: '1' })).html, text, language)
    await seen(site)
    t.match((await visitor.get(PORTAL)).html, text, language)
    t.equal(await auth(site, 'counters', token), 'Auth: 0')
    t.notMatch((await visitor.get(PORTAL)).html, text, 'it sends counters after all')
    await site.close()
  }
})

t.test('after a logout at the gateway the page says so, with and without the token', async (t) => {
  const { site, visitor, token } = await online(t)
  t.equal(await auth(site, 'logout', token), 'Auth: 0')
  await seen(site)
  for (const target of [PORTAL, `${PORTAL}&token=${token}`])
    t.match((await visitor.get(target)).html, 'You are logged out', target)
  await click(visitor)
  t.match((await visitor.get(PORTAL)).html, 'Time left', 'a new session')
  await site.close()
})

t.test('the reason of a denial is shown without the token', async (t) => {
  const { site, visitor } = await online(t)
  await deny(site.access, 'mac:02-00-00-00-00-01', 'quota:day')
  await seen(site)
  const reason = 'the limit for this network is used up'
  t.match((await visitor.get('/wifidog/gw_message.php?message=denied')).html, reason)
  t.match((await visitor.get(PORTAL)).html, reason)
  await site.close()
})

t.test('a registered gateway vouches for the MAC in its link: the page tells, but does not log out', async (t) => {
  const { site, token } = await online(t)
  const stranger = new CookielessVisitor(site.bases[0])
  const target = `${PORTAL}&mac=${MAC}`
  t.notMatch((await stranger.get(target)).html, 'Time left', 'not registered: anybody may ask')
  await put(site.access, 'registration:G', { sources: ['127.0.0.0/8'] })
  await seen(site)
  const { html } = await stranger.get(target)
  t.match(html, 'Time left')
  t.notMatch(html, 'name="logout"')
  t.notMatch((await stranger.get(`${PORTAL}&mac=02:00:00:00:00:02`)).html, 'Time left', 'another device')
  const elsewhere = new CookielessVisitor(site.bases[0], { 'x-forwarded-for': '198.51.100.1' })
  t.notMatch((await elsewhere.get(target)).html, 'Time left', 'from elsewhere')
  t.equal((await stranger.post(`/wifidog/gw_message/?gw_id=G&mac=${MAC}`, { logout: '1' })).response.status, 403)
  t.equal(await auth(site, 'counters', token), 'Auth: 1')
  await deny(site.access, 'mac:02-00-00-00-00-01', 'quota:day')
  await seen(site)
  t.match((await stranger.get(target)).html, 'the limit for this network is used up')
  await site.close()
})

t.test('behind a routed gateway the address tells the session, and logs out without a cookie', async (t) => {
  const site = await openSite(t)
  await put(site.access, 'registration:G', { routed: true })
  await seen(site)
  const visitor = new CookielessVisitor(site.bases[0], { 'x-forwarded-for': '10.0.0.7' })
  const token = await click(visitor)
  t.equal(await auth(site, 'login', token), 'Auth: 1')
  await seen(site)
  const { html } = await visitor.get(PORTAL)
  t.match(html, 'Time left')
  const neighbour = new CookielessVisitor(site.bases[0], { 'x-forwarded-for': '10.0.0.8' })
  t.notMatch((await neighbour.get(PORTAL)).html, 'Time left')
  neighbour.proof = visitor.proof
  t.equal((await neighbour.post(action(html), { logout: '1' })).response.status, 403)
  t.equal((await visitor.post(action(html), { logout: '1' })).response.status, 200)
  await seen(site)
  t.equal(await auth(site, 'counters', token), 'Auth: 0')
  await site.close()
})

/*
 * Symptom: the small browsers in which phones show portals drop cookies, and nobody could log in with them. Root cause: a form was taken only together
 * with the cookie of its page.
 */
t.test('a browser that refuses cookies logs in', async (t) => {
  const site = await openSite(t)
  for (const base of site.bases) {
    const visitor = new CookielessVisitor(base)
    t.match(await click(visitor), /^[0-9A-Za-z]{32}$/)
    await visitor.get(LOGIN)
    for (const [what, target] of [
      ['another client', LOGIN.replace(MAC, '02:00:00:00:00:09')],
      ['another gateway', LOGIN.replace('gw_id=G', 'gw_id=H')],
    ] as const) {
      const { proof } = visitor
      t.equal((await visitor.post(target, { method: 'click' })).response.status, 403, what)
      visitor.proof = proof
    }
    const { proof } = visitor
    for (const headers of [
      { 'x-forwarded-for': '198.51.100.9' },
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      const other = new CookielessVisitor(base, headers)
      other.proof = proof
      t.equal((await other.post(LOGIN, { method: 'click' })).response.status, 403, JSON.stringify(headers))
    }
    for (const headers of [{ origin: 'null' }, { origin: base }, { 'sec-fetch-site': 'same-origin' }]) {
      const own = new CookielessVisitor(base, headers)
      own.proof = proof
      t.equal((await own.post(LOGIN, { method: 'click' })).response.status, 302, JSON.stringify(headers))
    }
  }
  await site.close()
})

t.test('a form without a cookie is good for ten minutes, and for one purpose', (t) => {
  const cookies = new PortalCookies('secret', 60_000)
  const now = Date.now()
  const of = { purpose: 'login', gwId: 'G', mac: '', remoteIp: '192.0.2.1' }
  const ticket = cookies.ticket(of, now)
  t.ok(cookies.provesTicket(of, ticket, now + 590_000))
  t.notOk(cookies.provesTicket(of, ticket, now + 620_000))
  t.notOk(cookies.provesTicket({ ...of, purpose: 'logout 0011' }, ticket, now))
  t.notOk(new PortalCookies('another', 60_000).provesTicket(of, ticket, now))
  for (const forged of ['', '.', ticket.slice(0, -1), ticket.replace(/^\d/, '9'), `${ticket}x`, 'x'.repeat(200)])
    t.notOk(cookies.provesTicket(of, forged, now), forged)
  t.end()
})

t.test('the way on is never a page of an operating system, and may be one of the operator', async (t) => {
  for (const url of [
    'http://captive.apple.com/hotspot-detect.html',
    'http://connectivitycheck.gstatic.com/generate_204',
    'http://www.google.com/gen_204',
    'http://www.msftconnecttest.com/redirect',
    'http://detectportal.firefox.com/canonical.html',
    'http://www.apple.com/library/test/success.html',
  ])
    t.ok(isProbe(url), url)
  for (const url of [
    'http://example.org/',
    'http://www.apple.com/',
    'http://www.google.com/search?q=generate_204',
    'x',
  ])
    t.notOk(isProbe(url), url)
  const probe = LOGIN.replace('example.org%2F', 'captive.apple.com%2Fhotspot-detect.html')
  const plain = await openSite(t)
  const visitor = new Visitor(plain.bases[0])
  await click(visitor, probe)
  const { html } = await visitor.get(PORTAL)
  t.notMatch(html, 'captive.apple.com')
  t.match(html, 'You can close this page.')
  await plain.close()

  const site = await openSite(t, { landingUrl: 'https://town.example/welcome' })
  const guest = new Visitor(site.bases[0])
  await click(guest)
  t.match((await guest.get(PORTAL)).html, 'href="https://town.example/welcome"')
  await put(site.access, 'registration:G', { landing: 'https://library.example/', routed: true })
  await seen(site)
  t.match((await guest.get(PORTAL)).html, 'href="https://library.example/"', 'of the gateway')
  const api = await fetch(`${site.bases[0]}/capport/api/G`, { headers: { 'x-forwarded-proto': 'https' } })
  t.match(await api.json(), { 'venue-info-url': 'https://library.example/' })
  await site.close()
})

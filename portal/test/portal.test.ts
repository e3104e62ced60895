import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { deny, register } from './services.ts'
import { openSite, seen, Visitor, type Site } from './site.ts'

/* The pages as browsers get them, from both listeners. */

const GATEWAY = 'gw_address=192.168.77.1&gw_port=2060&gw_id=001217DA42D2'
const CLIENT = 'ip=192.168.77.10&mac=ae:41:77:80:76:90'
const LOGIN = `/wifidog/login/?${GATEWAY}&${CLIENT}&url=http%3A%2F%2Fexample.org%2Fa%3Fx%3D1`

let site: Site
t.before(async () => (site = await openSite(t)))
t.teardown(() => site.close())

/** Properties that every page must have. */
function safe(t: Test, response: Response): void {
  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; form-action 'self'/)
  t.match(policy, /base-uri 'none'; frame-ancestors 'none'$/)
  t.equal(response.headers.get('referrer-policy'), 'no-referrer')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  t.match(response.headers.get('content-type') ?? '', 'text/html; charset=utf-8')
}

/** Logs in by a click. @returns the address to which the browser is sent */
async function click(visitor: Visitor, target = LOGIN): Promise<string> {
  await visitor.get(target)
  const { response } = await visitor.post(target, { method: 'click' })
  return response.status === 302 ? (response.headers.get('location') as string) : `status ${response.status}`
}

t.test('click, portal, logout: on both listeners, below any prefix', async (t) => {
  for (const base of site.bases) {
    for (const path of ['/wifidog/login/', '/login', '/a/b/login/index.php']) {
      const visitor = new Visitor(base)
      const target = LOGIN.replace('/wifidog/login/', path)
      const page = await visitor.get(target)
      t.equal(page.response.status, 200, path)
      safe(t, page.response)
      t.match(
        page.response.headers.get('content-security-policy') ?? '',
        "form-action 'self' http://192.168.77.1:2060;",
      )
      t.match(
        page.response.headers.get('set-cookie') ?? '',
        /^gatepost_portal=[^;]+; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/,
      )
      t.notMatch(page.html, /<script|javascript:/i)
      const { response } = await visitor.post(target, { method: 'click' })
      t.equal(response.status, 302)
      t.equal(response.headers.get('x-gatepost-record'), 'kept')
      t.equal(response.headers.get('cache-control'), 'no-store')
      const location = response.headers.get('location') as string
      t.match(location, /^http:\/\/192\.168\.77\.1:2060\/wifidog\/auth\?token=[A-Za-z0-9]+&gw_id=001217DA42D2$/)
      const token = new URL(location).searchParams.get('token') as string
      const welcome = await visitor.get(`/wifidog/portal/?gw_id=001217DA42D2&token=${token}`)
      t.equal(welcome.response.status, 200)
      safe(t, welcome.response)
      t.match(welcome.html, /Time left: (1 day|23 hours)/)
      t.match(welcome.html, 'href="http://example.org/a?x=1"')
      t.match(
        welcome.html,
        `href="http://192.168.77.1:2060/wifidog/auth?logout=1&amp;token=${token}&amp;gw_id=001217DA42D2"`,
      )
    }
  }
})

t.test('a browser without the cookie gets the portal page without the links that need the cookie', async (t) => {
  const location = await click(new Visitor(site.bases[0]))
  const token = new URL(location).searchParams.get('token') as string
  const { html } = await new Visitor(site.bases[0]).get(`/portal/?gw_id=001217DA42D2&token=${token}`)
  t.match(html, 'You are online')
  t.notMatch(html, /href=/)
})

t.test('messages of gateways are shown', async (t) => {
  const visitor = new Visitor(site.bases[0])
  await click(visitor)
  for (const [message, title] of [
    ['denied', 'No access'],
    ['activate', 'Please confirm your e-mail address'],
    ['failed_validation', 'Not confirmed in time'],
    ['logged-out', 'You are logged out'],
    ['constructor', 'Message from the network'],
    ['', 'Message from the network'],
  ]) {
    for (const path of ['/wifidog/gw_message.php', '/gw_message', '/x/gw_message/']) {
      const { response, html } = await visitor.get(`${path}?message=${message}`)
      t.equal(response.status, 200)
      safe(t, response)
      t.match(html, `<h1>${title}</h1>`)
      if (message !== 'activate')
        t.match(html, new RegExp(`href="(\\.\\./)?login/\\?gw_address=192\\.168\\.77\\.1&amp;`))
    }
  }
})

t.test('four languages, by Accept-Language', async (t) => {
  for (const [header, language, words] of [
    ['de-CH, en;q=0.5', 'de', 'Mit dem Internet verbinden'],
    ['fr', 'fr', 'Se connecter à Internet'],
    ['en;q=0.1, es-MX', 'es', 'Conectarse a Internet'],
    ['ja, *;q=0', 'en', 'Connect to the internet'],
    ['*', 'en', 'Connect to the internet'],
    [';;;q=x,,\u00e9', 'en', 'Connect to the internet'],
  ]) {
    const { response, html } = await new Visitor(site.bases[0], { 'accept-language': header }).get(LOGIN)
    t.equal(response.headers.get('content-language'), language, header)
    t.match(html, `<html lang="${language}"`)
    t.match(html, words)
  }
})

t.test('tokens are never sent to public, loopback or malformed addresses', async (t) => {
  const refused = [
    '8.8.8.8',
    'evil.example',
    '192.168.77.1@evil.example',
    '192.168.77.1.evil.example',
    '192.168.77.1/',
    '192.168.77.1:80#',
    '0x0a.1',
    '3232255745',
    '010.0.0.1',
    '127.0.0.1',
    '0.0.0.0',
    '::1',
    '2001:db8::1',
    '::ffff:8.8.8.8',
    'fe80::1%25eth0',
    '[fd00::1]',
    '172.32.0.1',
    '100.128.0.1',
    '//evil.example',
    '192.168.77.1%0d%0aLocation:%20http://evil.example/',
    '192.168.77.1%00',
  ]
  for (const address of refused) {
    const visitor = new Visitor(site.bases[0])
    // With the cookie and proof of a good page.
    await visitor.get(LOGIN)
    const target = LOGIN.replace('192.168.77.1&', `${address}&`)
    const { response, html } = await visitor.post(target, { method: 'click' })
    t.equal(response.status, 400, address)
    t.notMatch(html, /evil/)
    t.equal(response.headers.get('location'), null)
    t.notMatch(response.headers.get('content-security-policy') ?? '', /evil/)
  }
  for (const port of ['0', '65536', '-1', '80@evil', '2060/', '99999999999']) {
    const target = LOGIN.replace('gw_port=2060', `gw_port=${port}`)
    t.equal((await new Visitor(site.bases[0]).get(target)).response.status, 400, port)
  }
  for (const [address, host] of [
    ['10.1.2.3', '10.1.2.3'],
    ['172.16.0.1', '172.16.0.1'],
    ['169.254.1.1', '169.254.1.1'],
    ['100.64.0.1', '100.64.0.1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['FD00:0::1', '[fd00::1]'],
  ]) {
    const location = await click(new Visitor(site.bases[0]), LOGIN.replace('192.168.77.1&', `${address}&`))
    t.ok(location.startsWith(`http://${host}:2060/wifidog/auth?token=`), location)
  }
})

t.test('the registered address is accepted, and is used if no address was sent', async (t) => {
  await register(site.access, 'hq', '203.0.113.7')
  await seen(site)
  const at = (query: string) => click(new Visitor(site.bases[1]), `/login/?${query}`)
  t.match(await at('gw_address=203.0.113.7&gw_port=80&gw_id=hq'), /^http:\/\/203\.0\.113\.7:80\//)
  t.match(await at('gw_id=hq'), /^http:\/\/203\.0\.113\.7:2060\//)
  t.equal(await at('gw_address=203.0.113.7&gw_id=other'), 'status 400', 'another gateway’s')
  t.equal(await at('gw_address=203.0.113.8&gw_id=hq'), 'status 400')
  t.equal(await at('gw_address=192.168.1.1'), 'status 400', 'no gw_id')
})

t.test('forms of other sites, old pages and other browsers are refused', async (t) => {
  const victim = new Visitor(site.bases[0])
  await victim.get(LOGIN)
  const attacker = new Visitor(site.bases[0])
  await attacker.get(LOGIN)
  const neighbour = new Visitor(site.bases[0])
  await neighbour.get(LOGIN.replace('ae:41:77:80:76:90', 'ae:41:77:80:76:91'))
  const forged: [string, string, string][] = [
    ['no cookie, and the form of another client', '', neighbour.proof],
    ['no cookie, and only the proof for it', '', victim.proof.split('.')[0]],
    ['no proof', victim.cookie, ''],
    ['another browser’s proof', victim.cookie, attacker.proof],
    ['an altered cookie', victim.cookie.replace(/=(.)/, (_, first) => `=${first === 'A' ? 'B' : 'A'}`), victim.proof],
    ['a truncated cookie', victim.cookie.slice(0, -1), victim.proof],
    ['half a cookie', victim.cookie.slice(0, 60), victim.proof],
    ['only the MAC', `gatepost_portal=.${victim.cookie.split('.')[1]}`, victim.proof],
    ['an empty cookie', 'gatepost_portal=', victim.proof],
  ]
  for (const [what, cookie, proof] of forged) {
    const visitor = new Visitor(site.bases[0])
    visitor.cookie = cookie
    visitor.proof = proof
    const { response, html } = await visitor.post(LOGIN, { method: 'click' })
    t.equal(response.status, 403, what)
    t.match(html, 'Please try again')
    // The page that it got is valid.
    t.equal((await visitor.post(LOGIN, { method: 'click' })).response.status, 302, what)
  }
  const headers = { cookie: victim.cookie, 'content-type': 'text/plain' }
  const body = `form=${victim.proof}&method=click`
  t.equal((await fetch(site.bases[0] + LOGIN, { method: 'POST', body, headers })).status, 403, 'no form')
})

t.test('only enabled methods are accepted, and no body that is too large', async (t) => {
  for (const base of site.bases) {
    const visitor = new Visitor(base)
    await visitor.get(LOGIN)
    for (const method of ['voucher', 'account', 'signup', 'webhook', '__proto__', ''])
      t.equal((await visitor.post(LOGIN, { method })).response.status, 403, method)
    t.equal((await visitor.post(LOGIN, { method: 'click', x: 'y'.repeat(9000) })).response.status, 413)
    t.equal((await fetch(`${base}/portal/`, { method: 'POST', body: 'a=b' })).status, 405)
    t.equal((await fetch(base + LOGIN, { method: 'PUT', body: 'a=b' })).status, 405)
    t.equal((await fetch(base + LOGIN, { method: 'HEAD' })).status, 200)
  }
})

t.test('scripts in fields are escaped on every page', async (t) => {
  const script = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'`'
  const link = 'javascript:alert(1)'
  const fields = ['gw_address', 'gw_port', 'gw_id', 'ip', 'mac', 'url', 'message', 'token', 'page', 'x']
  const normal = Object.fromEntries(new URLSearchParams(LOGIN.split('?')[1]))
  for (const evil of [
    script,
    link,
    `http://a/${script}`,
    `data:text/html,${script}`,
    ` ${link}`,
    'java\tscript:alert(1)',
  ]) {
    for (const field of fields) {
      for (const path of ['/login/', '/portal/', '/gw_message.php', `/${encodeURIComponent(script)}/login`]) {
        const visitor = new Visitor(site.bases[0], { 'user-agent': 'x', 'accept-language': 'en' })
        const { html, response } = await visitor.get(
          `${path}?${new URLSearchParams({ ...normal, [field]: evil }).toString()}`,
        )
        const answers = [html, [...response.headers.values()].join('\n')]
        // The content of the cookie is shown later.
        answers.push((await visitor.get('/gw_message.php?message=denied')).html)
        for (const answer of answers) {
          t.notMatch(answer, /<script|<img|href="\s*(javascript|data|java\tscript):/i, `${field} ${path} ${evil}`)
        }
      }
    }
  }
  t.end()
})

t.test('no parameter can break out of a header', async (t) => {
  const broken = 'x%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0aPong%20Auth:%201'
  for (const field of ['gw_address', 'gw_port', 'gw_id', 'ip', 'mac', 'url', 'token', 'message']) {
    for (const path of ['/login/', '/portal/', '/gw_message.php']) {
      const target = `${path}?${GATEWAY}&${CLIENT}&${field}=${broken}`
      for (const base of site.bases) {
        const { response } = await new Visitor(base).get(target)
        t.notMatch([...response.headers].join('\n'), /evil|Pong|Auth: /, `${field} ${path}`)
      }
    }
  }
})

t.test('no header contains a word that gateways look for', async (t) => {
  // Whatever the alignment, the base64 of one of these would spell "Pong".
  const spelling = Buffer.from('Pong', 'base64').toString('latin1')
  for (let pad = 0; pad < 3; pad++) {
    const id = encodeURIComponent(`${'a'.repeat(pad)}>${spelling}`.replaceAll(/[^\x20-\x7e]/g, '>'))
    const { response } = await new Visitor(site.bases[0]).get(LOGIN.replace('001217DA42D2', id))
    t.notMatch([...response.headers].join('\n'), /Pong|Auth: /)
    t.notMatch(response.headers.get('set-cookie')?.split(';')[0] ?? '', /P/)
  }
})

t.test('HTTP/1.0: the connection ends after the page', async (t) => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(site.bases[0]).port), '127.0.0.1', () =>
      socket.write(`GET ${LOGIN} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`),
    )
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('utf8')))
    socket.once('error', reject)
    socket.once('close', () => resolve(text))
  })
  t.match(answer, /^HTTP\/1\.[01] 200 OK\r\n/)
  t.match(answer, /\r\nConnection: close\r\n/i)
  t.match(answer, /<\/html>\s*$/)
})

t.test('a token whose record is not durable is not handed out', async (t) => {
  for (const base of site.bases) {
    const visitor = new Visitor(base)
    await visitor.get(LOGIN)
    site.log.failure = new Error('the disk is gone')
    const { response, html } = await visitor.post(LOGIN, { method: 'click' })
    site.log.failure = null
    t.equal(response.status, 503)
    t.equal(response.headers.get('location'), null)
    t.match(html, 'Please try again shortly')
    t.equal((await visitor.post(LOGIN, { method: 'click' })).response.status, 302)
  }
})

t.test('captive portal API: only over HTTPS, and only for routed gateways', async (t) => {
  await register(site.access, 'routed', '192.168.5.1', true)
  await register(site.access, 'nat', '192.168.6.1')
  await seen(site)
  const https = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.168.5.20' }
  for (const base of site.bases) {
    const ask = (gwId: string, headers: Record<string, string> = https) =>
      fetch(`${base}/x/capport/api/${gwId}`, { headers })
    t.equal((await ask('nat')).status, 404)
    t.equal((await ask('nobody')).status, 404)
    t.equal((await ask('routed', {})).status, 404, 'not over HTTPS')
    t.equal((await ask('routed', { ...https, 'x-forwarded-proto': 'https, http' })).status, 404)
    t.equal((await ask('%E0')).status, 404)
    const first = await ask('routed')
    t.equal(first.status, 200)
    t.equal(first.headers.get('content-type'), 'application/captive+json')
    t.equal(first.headers.get('cache-control'), 'private')
    const { host } = new URL(base)
    const page = `https://${host}/x/login/?gw_id=routed&ip=192.168.5.20`
    t.same(await first.json(), { captive: true, 'user-portal-url': page, 'can-extend-session': true })

    const visitor = new Visitor(base, https)
    const target = page.slice(page.indexOf('/x/'))
    await visitor.get(target)
    const { response } = await visitor.post(target, { method: 'click' })
    t.match(response.headers.get('location'), /^http:\/\/192\.168\.5\.1:2060\//)
    t.match(response.headers.get('set-cookie'), /; Secure$/)
    const online = (await (await ask('routed')).json()) as Record<string, unknown>
    t.match(online, { captive: false, 'user-portal-url': page })
    t.ok((online['seconds-remaining'] as number) > 86_000)
    const other = await ask('routed', { ...https, 'x-forwarded-for': '192.168.5.21' })
    t.match(await other.json(), { captive: true }, 'another device')
    const session = (await site.grants()).at(-1)?.['session_id'] as string
    await deny(site.access, `session:${session}`, 'revoked')
    await seen(site)
    t.match(await (await ask('routed')).json(), { captive: true }, 'cut off')
  }
})

t.test('a denied client is shown the reason', async (t) => {
  const visitor = new Visitor(site.bases[0])
  const token = new URL(await click(visitor)).searchParams.get('token') as string
  const { html } = await visitor.get(`/gw_message.php?message=denied&token=${token}`)
  t.notMatch(html, 'Reason')
  const session = (await site.grants()).at(-1)?.['session_id'] as string
  for (const [subject, reason, words] of [
    ['gateway:001217DA42D2', '<b>closed</b>', 'Reason: &lt;b&gt;closed&lt;/b&gt;'],
    ['mac:AE-41-77-80-76-90', 'ask at the desk', 'Reason: ask at the desk'],
    [`session:${session}`, 'quota:daily', 'Reason: the limit for this network is used up'],
  ]) {
    await deny(site.access, subject, reason)
    await seen(site)
    t.match((await visitor.get(`/gw_message.php?message=denied&token=${token}`)).html, words)
    await site.access.put(subject, null)
    await seen(site)
  }
  const forged = await visitor.get(`/gw_message.php?message=denied&token=${token.slice(1)}x`)
  t.notMatch(forged.html, 'Reason')
})

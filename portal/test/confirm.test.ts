import t, { type Test } from 'tap'
import { startMailServer, type MailServer } from '../../test/helpers/mail-server.ts'
import { until } from '../../test/helpers/until.ts'
import type { PortalOptions } from '../open.ts'
import { openSite, seen, Visitor, type Site } from './site.ts'

/*
 * Confirming an address in another browser than the one that signed up. The small windows in which phones show portals drop cookies and are
 * closed as soon as the mail is read, so the code could not be entered, and there was no link.
 */

const login = (mac: string) =>
  `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=${mac}&url=http%3A%2F%2Fwanted.example%2F`
const MAC = (last: number) => `00:11:22:33:44:${String(last).padStart(2, '0')}`
const ACTIVATE = '/gw_message.php?message=activate'
const PASSWORD = 'correct horse battery'

interface Accounts {
  readonly site: Site
  readonly base: string
  readonly mail: MailServer
  /** Signs up in a browser of its own, which keeps cookies or not. */
  signUp(email: string, mac: string, password?: string, keepsCookies?: boolean): Promise<Visitor>
  /** The code and the link of the mail with this number, counted from 1. */
  mailed(count: number): Promise<{ code: string; link: string; text: string }>
  enter(email: string, mac: string, password?: string): Promise<{ response: Response; html: string }>
  isConfirmed(index: number): Promise<boolean>
}

async function openAccounts(t: Test, options: Partial<PortalOptions> = {}): Promise<Accounts> {
  const mail = await startMailServer(t)
  const site = await openSite(t, {
    methods: ['account'],
    mail: { url: mail.url, from: 'wifi@example.org', perHour: 1000 },
    portalUrl: 'https://wifi.example.org/wifidog/',
    ...options,
  })
  t.teardown(() => site.close())
  const [base] = site.bases
  return {
    site,
    base,
    mail,
    async signUp(email, mac, password = PASSWORD, keepsCookies = true) {
      const visitor = new Visitor(base, {}, keepsCookies)
      const target = `${login(mac)}&page=signup`
      await visitor.get(target)
      const { response } = await visitor.post(target, { method: 'signup', email, password })
      t.equal(response.status, 302)
      return visitor
    },
    async mailed(count) {
      await until(() => mail.mails.length >= count)
      // Long lines are folded (RFC 2045, 6.7).
      const body = mail.mails[count - 1].split('\r\n\r\n').slice(1).join('\n\n')
      const text = body.replaceAll('=\r\n', '').replaceAll('=3D', '=')
      const code = /\b(\d{8})\b/.exec(text)?.[1] ?? ''
      const link =
        /https:\/\/wifi\.example\.org\/wifidog(\/gw_message\?gw_id=hall&confirm=[0-9a-f]{48})/.exec(text)?.[1] ?? ''
      return { code, link, text }
    },
    async enter(email, mac, password = PASSWORD) {
      const visitor = new Visitor(base)
      await visitor.get(login(mac))
      return visitor.post(login(mac), { method: 'account', email, password })
    },
    async isConfirmed(index) {
      await seen(site)
      const session = String((await site.grants())[index]['session_id'])
      return site.access.get(`confirmed:${session}`, Date.now()) !== undefined
    },
  }
}

t.test('a link of the mail confirms in any browser, once, and not by being looked at', async (t) => {
  const accounts = await openAccounts(t)
  await accounts.signUp('alice@example.org', MAC(1))
  const { link, text } = await accounts.mailed(1)
  t.match(text, 'on any device')
  t.not(link, '')
  for (let scan = 0; scan < 3; scan++) {
    const { response, html } = await new Visitor(accounts.base).get(link)
    t.equal(response.status, 200)
    t.match(html, 'with the address alice@example.org')
    t.equal(response.headers.get('set-cookie'), null)
  }
  await fetch(accounts.base + link, { method: 'HEAD' })
  t.notOk(await accounts.isConfirmed(0), 'programs that scan mails only look')
  const elsewhere = { 'sec-fetch-site': 'cross-site' }
  t.equal((await new Visitor(accounts.base, elsewhere).post(link, {})).response.status, 403)

  const { response, html } = await new Visitor(accounts.base).post(link, {})
  t.equal(response.status, 200)
  t.match(html, 'Address confirmed')
  t.match(html, 'href="http://wanted.example/"', 'the way back')
  t.ok(await accounts.isConfirmed(0))
  t.equal((await new Visitor(accounts.base).post(link, {})).response.status, 403)
  const used = await new Visitor(accounts.base).get(link)
  t.equal(used.response.status, 404)
  t.match(used.html, 'no longer valid')
  t.equal((await accounts.enter('alice@example.org', MAC(2))).response.status, 302)
  t.equal((await new Visitor(accounts.base).get('/gw_message?confirm=nonsense')).response.status, 404)
})

t.test('the code is entered without cookies, with the address', async (t) => {
  const accounts = await openAccounts(t)
  await accounts.signUp('bob@example.org', MAC(1), PASSWORD, false)
  const { code } = await accounts.mailed(1)
  const visitor = new Visitor(accounts.base, {}, false)
  t.match((await visitor.get(ACTIVATE)).html, 'name="email"')
  const wrong = await visitor.post(ACTIVATE, { email: 'bob@example.org', code: '00000000' })
  t.equal(wrong.response.status, 403)
  t.match(wrong.html, 'value="bob@example.org"', 'what was typed is kept')
  t.equal((await visitor.post(ACTIVATE, { email: 'eve@example.org', code })).response.status, 403)
  t.equal((await visitor.post(ACTIVATE, { email: 'bob@example.org', code, form: 'x' })).response.status, 403)
  t.notOk(await accounts.isConfirmed(0))
  const typed = { email: ' Bob@Example.org ', code: `${code.slice(0, 4)} ${code.slice(4)}` }
  t.equal((await visitor.post(ACTIVATE, typed)).response.status, 200)
  t.ok(await accounts.isConfirmed(0))
})

t.test('the browser that signed up is asked for the code alone', async (t) => {
  const accounts = await openAccounts(t)
  const visitor = await accounts.signUp('bob@example.org', MAC(1))
  const { code } = await accounts.mailed(1)
  t.notMatch((await visitor.get(ACTIVATE)).html, 'name="email"')
  t.equal((await visitor.post(ACTIVATE, { code })).response.status, 200)
  t.ok(await accounts.isConfirmed(0))
})

t.test('codes of an address cannot be guessed, from wherever', async (t) => {
  const accounts = await openAccounts(t)
  await accounts.signUp('bob@example.org', MAC(1))
  const { code, link } = await accounts.mailed(1)
  const statuses: number[] = []
  for (let guess = 0; guess < 12; guess++) {
    const visitor = new Visitor(accounts.base, { 'x-forwarded-for': `203.0.113.${guess}` }, false)
    await visitor.get(ACTIVATE)
    const digits = String((Number(code) + 1 + guess) % 1e8).padStart(8, '0')
    statuses.push((await visitor.post(ACTIVATE, { email: 'bob@example.org', code: digits })).response.status)
  }
  t.same(statuses, [...Array<number>(10).fill(403), 429, 429])
  const visitor = new Visitor(accounts.base, {}, false)
  await visitor.get(ACTIVATE)
  t.equal((await visitor.post(ACTIVATE, { email: 'bob@example.org', code })).response.status, 429)
  t.equal((await visitor.post(link, {})).response.status, 200, 'the link works all the same')
})

t.test('an unconfirmed account that logs in is led to the confirmation', async (t) => {
  const accounts = await openAccounts(t)
  await accounts.signUp('alice@example.org', MAC(1))
  const { link } = await accounts.mailed(1)
  t.equal((await accounts.enter('alice@example.org', MAC(2), 'another password')).response.status, 403)
  t.equal((await accounts.enter('alice@example.org', MAC(2))).response.status, 302)
  const [first, second] = await accounts.site.grants()
  t.equal(second['account'], 'alice@example.org')
  t.ok(Math.abs((second['confirm_by'] as number) - (first['confirm_by'] as number)) < 15_000, 'until the same deadline')
  await seen(accounts.site)
  t.equal((await new Visitor(accounts.base).post(link, {})).response.status, 200)
  t.ok(await accounts.isConfirmed(0))
  t.ok(await accounts.isConfirmed(1), 'both sessions were waiting for it')
})

t.test('after the deadline the link still confirms, and shows the login', async (t) => {
  const accounts = await openAccounts(t, { validationTimeMs: 1 })
  await accounts.signUp('alice@example.org', MAC(1))
  const { link, code } = await accounts.mailed(1)
  const { response, html } = await accounts.enter('alice@example.org', MAC(2))
  t.equal(response.status, 403)
  t.match(html, 'not confirmed yet')
  const visitor = new Visitor(accounts.base, {}, false)
  await visitor.get(ACTIVATE)
  t.equal(
    (await visitor.post(ACTIVATE, { email: 'alice@example.org', code })).response.status,
    403,
    'the code is too old',
  )
  const late = await visitor.post(link, {})
  t.equal(late.response.status, 200)
  t.match(late.html, 'log in with your e-mail address')
  t.match(late.html, /href="login\/\?gw_address=192\.168\.77\.1&amp;gw_port=2060&amp;gw_id=hall/)
  t.notOk(await accounts.isConfirmed(0))
  t.equal((await accounts.enter('alice@example.org', MAC(2))).response.status, 302)
})

t.test('somebody else’s sign-up with the address of an account needs its password', async (t) => {
  const accounts = await openAccounts(t)
  const alice = await accounts.signUp('alice@example.org', MAC(1))
  t.equal((await alice.post(ACTIVATE, { code: (await accounts.mailed(1)).code })).response.status, 200)
  await seen(accounts.site)
  await accounts.signUp('alice@example.org', MAC(2), 'stolen password')
  const { link, code } = await accounts.mailed(2)
  const visitor = new Visitor(accounts.base, {}, false)
  t.match((await visitor.get(link)).html, 'name="password"')
  for (const password of ['', PASSWORD]) {
    const { response, html } = await visitor.post(link, { password })
    t.equal(response.status, 403)
    t.match(html, 'name="password"')
  }
  await visitor.get(ACTIVATE)
  const asked = await visitor.post(ACTIVATE, { email: 'alice@example.org', code })
  t.equal(asked.response.status, 403)
  t.match(asked.html, 'name="password"')
  t.equal((await accounts.enter('alice@example.org', MAC(3))).response.status, 302, 'her account is as it was')
  t.equal((await visitor.post(link, { password: 'stolen password' })).response.status, 200, 'who knows it signed up')
})

t.test('without the portal’s address there is no link: a request may come with any host', async (t) => {
  const accounts = await openAccounts(t, { portalUrl: null })
  await accounts.signUp('alice@example.org', MAC(1))
  const { text, code } = await accounts.mailed(1)
  t.not(code, '')
  t.notMatch(text, 'confirm=')
})

t.test('the access log keeps hashes of codes and links only', async (t) => {
  const accounts = await openAccounts(t)
  await accounts.signUp('alice@example.org', MAC(1))
  const kept = JSON.stringify([...accounts.site.access.entries('credential:', Date.now())])
  const { code, link } = await accounts.mailed(1)
  t.notMatch(kept, code, 'only hashes are kept')
  t.notMatch(kept, link.slice(-48))
})

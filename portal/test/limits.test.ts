import t from 'tap'
import { newVoucherCode } from '../../access/voucher-code.ts'
import { SUBJECTS } from '../../access/subjects.ts'
import { startMailServer } from '../../test/helpers/mail-server.ts'
import { AttemptLimits, originOf, SIGNUPS, WRONG_VOUCHERS, type AttemptNumbers } from '../limits.ts'
import { MailLimits } from '../mail-limits.ts'
import { openSite, seen, Visitor, type Site } from './site.ts'

/*
 * Limits by what a sender cannot choose. Symptom: 67 mails to strangers in ten seconds, and guesses without end, by one client that invented a
 * MAC for each; and thirty wrong passwords locked the owner of an account out.
 */

const GATEWAY = { name: 'hall', isGateway: true }
const mac = (index: number) => `02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`
const hex = (byte: number) => byte.toString(16).padStart(2, '0')
const login = (index: number) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=${mac(index)}`

/** How many attempts pass, of many with a new MAC each. */
function passed(
  limits: AttemptLimits,
  from: (attempt: number) => string,
  gateway: typeof GATEWAY | null = null,
): number {
  let count = 0
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const origin = originOf(from(attempt), mac(attempt), gateway)
    if (limits.refusal(origin, 0) !== null) continue
    limits.tried(origin, 0)
    count++
  }
  return count
}

t.test('inventing MACs, addresses of a /64, or addresses of a gateway evades no limit', (t) => {
  const numbers: AttemptNumbers = { client: 5, address: 30, gateway: 150, total: 500, then: 1 }
  t.equal(
    passed(new AttemptLimits(numbers), () => '192.0.2.1'),
    30,
  )
  t.equal(
    passed(new AttemptLimits(numbers), (attempt) => `2001:db8::${attempt.toString(16)}`),
    30,
  )
  t.equal(
    passed(new AttemptLimits(numbers), () => '192.0.2.1', GATEWAY),
    150,
  )
  const routed = { name: 'hall', isGateway: false }
  t.equal(
    passed(new AttemptLimits(numbers), (attempt) => `10.0.0.${attempt % 250}`, routed),
    150,
  )
  const many = new AttemptLimits(numbers)
  passed(many, (attempt) => `10.0.0.${attempt % 250}`)
  const other = originOf('192.0.2.1', mac(1), null)
  t.equal(many.refusal(other, 0), null, 'after the total, another address still has one')
  many.tried(other, 0)
  t.match(many.refusal(other, 0), { limit: 'total', waitMs: 600_000 })
  t.equal(many.refusal(originOf('192.0.2.2', mac(1), GATEWAY), 0), null, 'and a registered gateway its own')
  t.end()
})

t.test('mails have a rate, of which a part is for registered gateways', (t) => {
  const stranger = (index: number) => originOf(`192.0.2.${index}`, '', null)
  const limits = new MailLimits(600, () => true)
  const send = (index: number, now: number) => limits.take(`a${index}@example.org`, stranger(index), now)
  let sent = 0
  for (let index = 0; index < 200; index++) if (send(index, 1000) === null) sent++
  t.equal(sent, 75, 'of the hundred that may be sent at once')
  t.match(send(200, 1000), { limit: 'mail', waitMs: 6000 })
  t.equal(limits.take('b@example.org', originOf('192.0.2.1', '', GATEWAY), 1000), null)
  t.equal(send(201, 1000 + 12_000), null, 'and later again')
  const one = new MailLimits(600, () => false)
  for (let mail = 0; mail < 3; mail++) t.equal(one.take('victim@example.org', stranger(1), 0), null)
  t.match(one.take('victim@example.org', stranger(1), 0), { limit: 'account' })
  t.equal(one.take('victim@example.org', stranger(2), 0), null, 'another address can still sign up')
  t.end()
})

async function form(site: Site, index: number, from: string, fields: Record<string, string>, page = '') {
  const visitor = new Visitor(site.bases[index % 2], { 'x-forwarded-for': from, 'accept-language': 'de' })
  await visitor.get(login(index) + page)
  return visitor.post(login(index) + page, fields)
}

t.test('sign-ups with a new MAC each send few mails, and the page says when to try again', async (t) => {
  const { url, mails } = await startMailServer(t)
  const site = await openSite(t, { methods: ['account'], mail: { url, from: 'wifi@example.org', perHour: 1000 } })
  t.teardown(() => site.close())
  const signup = (index: number, from: string) =>
    form(
      site,
      index,
      from,
      { method: 'signup', email: `s${index}@example.org`, password: 'long enough' },
      '&page=signup',
    )
  const statuses: number[] = []
  for (let index = 0; index < 67; index++) statuses.push((await signup(index, '2001:db8::1')).response.status)
  t.equal(statuses.filter((status) => status === 302).length, SIGNUPS.address)
  const { response, html } = await signup(100, '2001:db8::ffff')
  t.equal(response.status, 429)
  t.ok(Number(response.headers.get('retry-after')) > 0)
  t.match(html, /Aus diesem Netz kamen zu viele Versuche\. Bitte warten Sie \d+ Minuten/)
  t.equal((await signup(101, '2001:db8:0:1::1')).response.status, 302, 'another network')
  while (mails.length < SIGNUPS.address + 1) await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(mails.length, SIGNUPS.address + 1)
})

t.test('vouchers are guessed with a new MAC each', async (t) => {
  const site = await openSite(t, { methods: ['voucher'] })
  t.teardown(() => site.close())
  const guess = async (index: number, from: string) =>
    (await form(site, index, from, { method: 'voucher', code: newVoucherCode() })).response.status
  const statuses: number[] = []
  for (let index = 0; index < WRONG_VOUCHERS.address + 20; index++) statuses.push(await guess(index, '192.0.2.1'))
  t.equal(statuses.filter((status) => status === 403).length, WRONG_VOUCHERS.address)
  t.equal(await guess(1000, '192.0.2.2'), 403)
  const data = { address: '192.168.77.1', sources: ['192.0.2.1'], name: '', location: '', routed: false }
  await site.access.put(SUBJECTS.registration.of('hall'), {
    verdict: 'allow',
    reason: '',
    until: null,
    updatedAt: Date.now(),
    data,
  })
  await seen(site)
  t.equal(await guess(1001, '192.0.2.1'), 403, 'a registered gateway has more clients')
})

t.test('guesses from elsewhere neither lock the owner of an account out nor make the login wait', async (t) => {
  const mailServer = await startMailServer(t)
  const { url } = mailServer
  // A hash takes much longer than a request, so that hashes wait, as those of the product do.
  const cost = { N: 2 ** 13, r: 8, p: 2 }
  const mail = { url, from: 'wifi@example.org', perHour: 1000 }
  const site = await openSite(t, { methods: ['account'], mail }, cost)
  t.teardown(() => site.close())
  const email = 'owner@example.org'
  const password = 'right and long'
  const owner = new Visitor(site.bases[0], { 'x-forwarded-for': '198.51.100.1' })
  await owner.get(`${login(1)}&page=signup`)
  await owner.post(`${login(1)}&page=signup`, { method: 'signup', email, password })
  await owner.get('/gw_message.php?message=activate')
  t.equal(
    (await owner.post('/gw_message.php?message=activate', { code: await mailServer.codeFor(email) })).response.status,
    200,
  )
  const enter = async (index: number, from: string, typed: string, account = email) =>
    (await form(site, index, from, { method: 'account', email: account, password: typed })).response.status
  let over = false
  const wrong: number[] = []
  // From one network with a MAC each, as many at a time as one likes.
  const attack = Promise.all(
    Array.from({ length: 12 }, async (_, attacker) => {
      for (let guess = 0; guess < 5; guess++)
        wrong.push(await enter(attacker * 5 + guess, `2001:db8::${guess}`, `guess ${guess} long`))
    }),
  ).finally(() => (over = true))
  const strangers = Promise.all(
    Array.from({ length: 12 }, async (_, stranger) => {
      while (!over) await enter(200 + stranger, `203.0.113.${stranger}`, 'no such account', `x${stranger}@example.org`)
    }),
  )
  const right: number[] = []
  for (let entry = 0; entry < 3; entry++) right.push(await enter(300 + entry, `198.51.100.${entry + 10}`, password))
  await Promise.all([attack, strangers])
  t.same(right, [302, 302, 302])
  t.ok(wrong.every((status) => [403, 429, 503].includes(status)))
  t.ok(wrong.filter((status) => status === 403).length <= 10, 'ten of an address')
  t.ok(wrong.includes(429))
})

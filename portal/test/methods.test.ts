import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startMailServer } from '../../test/helpers/mail-server.ts'
import { GatepostError } from '../../common/errors.ts'
import { createVouchers } from '../../access/vouchers.ts'
import { voucherAccount } from '../../access/vouchers.ts'
import type { Voucher } from '../../access/subjects.ts'
import { hashVoucherCode, newVoucherCode } from '../../access/voucher-code.ts'
import { bodySignature } from '../../common/signed-post.ts'
import { put, register } from './services.ts'
import { openSite, seen, Visitor } from './site.ts'

/* Ways of logging in, through the pages. */

const login = (mac: string) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=${mac}`
const mailBy = (url: string) => ({ url, from: 'wifi@example.org', perHour: 1000 })
const MAC = (last: number) => `00:11:22:33:44:${String(last).padStart(2, '0')}`

async function visitorAt(base: string, target: string): Promise<Visitor> {
  const visitor = new Visitor(base)
  await visitor.get(target)
  return visitor
}

t.test('vouchers', async (t) => {
  const site = await openSite(t, { methods: ['voucher', 'click'] })
  t.teardown(() => site.close())
  const [base] = site.bases
  const code = newVoucherCode()
  t.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/)
  const hash = hashVoucherCode('secret', code)
  if (hash === null) throw new Error('no code')
  const voucher: Voucher = { proof: hash.proof, validForMs: 3_600_000, maxDevices: 2, label: 'a', createdAt: 0 }
  await put(site.access, `voucher:${hash.id}`, { ...voucher })
  await seen(site)
  const use = async (mac: string, typed: string) => {
    const visitor = await visitorAt(base, login(mac))
    return (await visitor.post(login(mac), { method: 'voucher', code: typed })).response.status
  }
  t.equal(await use(MAC(1), code), 302)
  t.equal(
    await use(MAC(1), ` ${code.toLowerCase().replaceAll('-', ' ')} `),
    302,
    'as people type it, by the same device',
  )
  t.equal(await use(MAC(2), code.replaceAll('0', 'o').replaceAll('1', 'l')), 302, 'the second device')
  t.equal(await use(MAC(3), code), 403, 'a third')
  t.equal(await use(MAC(1), code), 302, 'the first again')
  t.equal(await use(MAC(4), newVoucherCode()), 403, 'another code')
  t.equal(await use(MAC(4), 'no code'), 403)
  const grants = await site.grants()
  const ends = grants.map((grant) => grant['ends'] as number)
  t.ok(Math.max(...ends) - Math.min(...ends) <= 2000, 'its time began with its first use')
  t.ok(grants.every((grant) => grant['account'] === voucherAccount(hash.id)))
  await seen(site)
  const kept = JSON.stringify([...site.access.entries('', Date.now())])
  t.match(kept, hash.id)
  t.notMatch(kept, code.replaceAll('-', ''), 'only hashes are kept')

  // The voucher's time is over.
  await put(site.access, `voucher:${hash.id}:start`, { at: 1 })
  await seen(site)
  t.equal(await use(MAC(1), code), 403)
  t.equal(await use('', code), 403, 'without a MAC only to a registered gateway')
  await register(site.access, 'hall', '192.168.77.1')
  await put(site.access, `voucher:${hash.id}:start`, { at: Date.now() })
  await seen(site)
  t.equal(await use('', code), 403, 'a browser counts as a device, and the voucher has two')

  const guesser = await visitorAt(base, login(MAC(9)))
  const statuses = new Set<number>()
  for (let guess = 0; guess < 30; guess++)
    statuses.add((await guesser.post(login(MAC(9)), { method: 'voucher', code: newVoucherCode() })).response.status)
  t.same([...statuses], [403, 429], 'guessing is slowed down')
  t.equal(
    (await (await visitorAt(base, login(MAC(1)))).post(login(MAC(1)), { method: 'voucher', code })).response.status,
    302,
  )
})

t.test('if devices use a voucher at the same time, no more than it allows get in', async (t) => {
  const site = await openSite(t, { methods: ['voucher'] })
  t.teardown(() => site.close())
  const code = newVoucherCode()
  const hash = hashVoucherCode('secret', code)
  if (hash === null) throw new Error('no code')
  const voucher: Voucher = { proof: hash.proof, validForMs: 3_600_000, maxDevices: 3, label: 'a', createdAt: 0 }
  await put(site.access, `voucher:${hash.id}`, { ...voucher })
  await seen(site)
  const statuses = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const target = login(MAC(10 + index))
      const visitor = await visitorAt(site.bases[index % 2], target)
      return (await visitor.post(target, { method: 'voucher', code })).response.status
    }),
  )
  t.equal(statuses.filter((status) => status === 302).length, 3)
})

t.test('accounts: sign-up, confirmation by mail, login', async (t) => {
  const { url, mails } = await startMailServer(t, 1)
  const site = await openSite(t, { methods: ['account'], mail: mailBy(url) }, null)
  t.teardown(() => site.close())
  const [base] = site.bases
  const address = 'Alice@Example.org'
  const password = 'correct horse battery'
  const signup = `${login(MAC(1))}&page=signup`
  const mail = async (count: number) => {
    while (mails.length < count) await new Promise((resolve) => setTimeout(resolve, 20))
    return mails[count - 1]
  }

  const visitor = new Visitor(base, { 'accept-language': 'de' })
  const page = await visitor.get(signup)
  t.match(page.html, 'name="method" value="signup"')
  t.match(page.html, '20 Minuten')
  for (const [fields, error] of [
    [{ email: 'nonsense', password }, 'gültige E-Mail-Adresse'],
    [{ email: 'a@b.example\r\nBcc: c@d.example', password }, 'gültige E-Mail-Adresse'],
    [{ email: 'a@b.example,c@d.example', password }, 'gültige E-Mail-Adresse'],
    [{ email: address, password: 'short' }, 'mindestens 10 Zeichen'],
  ] as const) {
    const { response, html } = await visitor.post(signup, { method: 'signup', ...fields })
    t.equal(response.status, 403)
    t.match(html, error)
    t.notMatch(html, password)
  }
  const { response } = await visitor.post(signup, { method: 'signup', email: address, password })
  t.equal(response.status, 302)
  const grant = (await site.grants()).at(-1)
  t.match(grant, { method: 'account', account: 'alice@example.org', terms_version: '1' })
  t.equal((grant?.['confirm_by'] as number) - (grant?.['issued'] as number), 1_200_000, 'for the validation time only')

  // The mail server refused the first attempt.
  const text = await mail(1)
  t.match(text, /^To: alice@example\.org/m)
  t.match(text, /^Subject: =\?UTF-8\?Q\?Ihr_Code/m)
  const code = /(\d{8})/.exec(text.split('\r\n\r\n').slice(1).join())?.[1] as string
  t.ok(code)

  const activate = '/gw_message.php?message=activate'
  t.match((await visitor.get(activate)).html, 'name="code"')
  const stranger = await visitorAt(base, login(MAC(2)))
  t.equal((await stranger.post(activate, { code })).response.status, 403, 'another browser cannot confirm it')
  const wrong = await visitor.post(activate, { code: '00000000' })
  t.equal(wrong.response.status, 403)
  t.match(wrong.html, 'falsch oder zu alt')
  const enter = async (email: string, typed: string, mac = MAC(3)) => {
    const at = await visitorAt(base, login(mac))
    return (await at.post(login(mac), { method: 'account', email, password: typed })).response.status
  }
  t.equal(await enter(address, password), 302, 'before it is confirmed too')
  const waiting = (await site.grants()).at(-1)?.['confirm_by'] as number
  t.ok(waiting > 0 && waiting <= Date.now() + 1_200_000, 'but only until it has to be confirmed')
  const confirmed = await visitor.post(activate, { code: `${code.slice(0, 4)} ${code.slice(4)}` })
  t.equal(confirmed.response.status, 200)
  t.match(confirmed.html, 'Adresse bestätigt')
  await seen(site)
  t.match(site.access.get(`confirmed:${String(grant?.['session_id'])}`, Date.now()), { verdict: 'allow' })
  t.equal(await enter(' alice@example.org ', password), 302)
  t.equal((await site.grants()).at(-1)?.['confirm_by'], null)
  t.equal(await enter(address, `${password}x`), 403)
  t.equal(await enter('bob@example.org', password), 403)

  // Somebody else signs up with her address: no answer reveals that it has an account, and her account stays unchanged.
  const thief = await visitorAt(base, signup.replace(MAC(1), MAC(5)))
  const answer = await thief.post(signup.replace(MAC(1), MAC(5)), {
    method: 'signup',
    email: address,
    password: 'stolen password',
  })
  t.equal(answer.response.status, 302)
  const second = /(\d{8})/.exec((await mail(2)).split('\r\n\r\n').slice(1).join())?.[1] as string
  t.equal((await visitor.post(activate, { code: second })).response.status, 403, 'nor does she confirm it by mistake')
  t.equal(await enter(address, 'stolen password', MAC(6)), 302)
  t.ok(((await site.grants()).at(-1)?.['confirm_by'] as number) > 0, 'which lasts until it has to be confirmed')
  t.equal(await enter(address, password, MAC(6)), 302)

  await seen(site)
  const kept = JSON.stringify([...site.access.entries('', Date.now())])
  t.notMatch(kept, password)
  t.notMatch(kept, code)
  t.match(kept, /scrypt\$32768\$8\$3\$/)
})

t.test('accounts: guesses without end', async (t) => {
  const { url } = await startMailServer(t)
  const site = await openSite(t, { methods: ['account'], mail: mailBy(url) })
  t.teardown(() => site.close())
  const target = login(MAC(7))
  const statuses = new Set<number>()
  for (let guess = 0; guess < 12; guess++) {
    const visitor = await visitorAt(site.bases[0], target)
    const fields = { method: 'account', email: 'carol@example.org', password: `guess ${guess} guess` }
    statuses.add((await visitor.post(target, fields)).response.status)
  }
  t.same([...statuses], [403, 429])
})

t.test('webhook: the operator’s service decides', async (t) => {
  const secret = 'a secret of the webhook'
  const asked: { body: string; headers: IncomingMessage['headers'] }[] = []
  let answer = { status: 200, body: '{"allow":true,"account":"room 12","seconds":3600}' }
  let silent = false
  const service = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += String(chunk)))
    request.on('end', () => {
      asked.push({ body, headers: request.headers })
      if (silent) return
      response.writeHead(answer.status, answer.status === 302 ? { Location: 'http://127.0.0.1:1/' } : {})
      response.end(answer.body)
    })
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  t.teardown(() => service.close().closeAllConnections())
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/login`
  const site = await openSite(t, { methods: ['webhook'], webhook: { url, secret, timeoutMs: 1000 } })
  t.teardown(() => site.close())
  let device = 10
  const enter = async () => {
    const target = login(MAC(device++))
    const visitor = await visitorAt(site.bases[0], target)
    return visitor.post(target, { method: 'webhook', username: 'alice', password: 'pw' })
  }
  const started = Date.now()
  t.equal((await enter()).response.status, 302)
  t.match(JSON.parse(asked[0].body), { username: 'alice', password: 'pw', gw_id: 'hall', mac: '00-11-22-33-44-10' })
  const timestamp = asked[0].headers['x-gatepost-timestamp'] as string
  t.equal(asked[0].headers['x-gatepost-signature'], bodySignature(secret, timestamp, asked[0].body))
  const [grant] = await site.grants()
  t.equal(grant['account'], 'room 12')
  t.ok(Math.abs((grant['ends'] as number) - started - 3_600_000) < 60_000)
  for (const [status, body, code] of [
    [200, '{"allow":false}', 403],
    [401, '', 403],
    [403, 'no', 403],
    [500, '{"allow":true}', 503],
    [302, '', 503],
    [204, '', 503],
    [200, 'yes', 503],
    [200, '{"allow":"true"}', 503],
    [200, '{"allow":true,"seconds":-1}', 503],
    [200, `{"allow":true,"x":"${'y'.repeat(20_000)}"}`, 503],
  ] as const) {
    answer = { status, body }
    const { response, html } = await enter()
    t.equal(response.status, code, `${status} ${body.slice(0, 40)}`)
    t.match(html, code === 503 ? 'does not answer' : 'is wrong')
  }
  silent = true
  t.equal((await enter()).response.status, 503, 'a service that does not answer')
  service.close().closeAllConnections()
  t.equal((await enter()).response.status, 503, 'one that is not there')
})

t.test('a client that clicks without end is limited, others are not', async (t) => {
  const site = await openSite(t)
  t.teardown(() => site.close())
  const visitor = await visitorAt(site.bases[1], login(MAC(1)))
  const statuses = new Set<number>()
  for (let count = 0; count < 70; count++)
    statuses.add((await visitor.post(login(MAC(1)), { method: 'click' })).response.status)
  t.same([...statuses], [302, 429])
  const other = await visitorAt(site.bases[1], login(MAC(2)))
  t.equal((await other.post(login(MAC(2)), { method: 'click' })).response.status, 302)
})

t.test('while the access decisions cannot be read or written, the page says so', async (t) => {
  const site = await openSite(t, { methods: ['click', 'voucher'] })
  t.teardown(() => site.close())
  const [{ code }] = await createVouchers(site.access, 'secret', {
    count: 1,
    validForMs: 3_600_000,
    maxDevices: 1,
    label: '',
    now: Date.now(),
  })
  await seen(site)
  const visitor = await visitorAt(site.bases[0], login(MAC(1)))
  const unavailable = () => Promise.reject(new GatepostError('LOG_UNAVAILABLE', 'the disk is gone'))
  const claim = t.capture(site.own, 'claim', unavailable)
  const { response, html } = await visitor.post(login(MAC(1)), { method: 'voucher', code })
  t.equal(response.status, 503)
  t.match(html, 'Please try again shortly')
  claim.restore()
  t.equal((await visitor.post(login(MAC(1)), { method: 'voucher', code })).response.status, 302)
})

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { bodySignature } from '../../common/signed-post.ts'
import { openSite, Visitor } from './site.ts'

/* One-time codes: the operator's service sends them, and checks them. */

const SECRET = 'a secret of the service'
const login = (last = 55) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=00-11-22-33-44-${last}`

interface Asked {
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

/** A service that sends the code 123456 to everybody but +440000000. */
async function openService(t: Test) {
  const asked: Asked[] = []
  const state = { broken: false }
  const service = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += String(chunk)))
    request.on('end', () => {
      asked.push({ body, headers: request.headers })
      if (state.broken) return response.writeHead(500).end()
      const { step, to, code } = JSON.parse(body) as Record<string, string>
      const answer =
        step === 'send'
          ? { sent: to !== '+440000000' }
          : { allow: code === '123456', seconds: 3600, account: `guest ${to}` }
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  t.teardown(() => service.close().closeAllConnections())
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/codes`
  const site = await openSite(t, { methods: ['code'], codeWebhook: { url, secret: SECRET, timeoutMs: 2000 } })
  t.teardown(() => site.close())
  return { site, asked, state }
}

for (const keepsCookies of [true, false]) {
  t.test(`a code is sent, and checked, ${keepsCookies ? 'with' : 'without'} cookies`, async (t) => {
    const { site, asked } = await openService(t)
    const visitor = new Visitor(site.bases[0], {}, keepsCookies)
    t.match((await visitor.get(login())).html, 'type="tel"')
    const sent = await visitor.post(login(), { method: 'code', to: ' 0044 (20) 7946-0000 ' })
    t.equal(sent.response.status, 200)
    t.match(sent.html, 'We have sent a code to +442079460000')
    t.match(sent.html, 'autocomplete="one-time-code"')
    t.same(JSON.parse(asked[0].body), {
      step: 'send',
      to: '+442079460000',
      gw_id: 'hall',
      mac: '00-11-22-33-44-55',
      ip: '',
      language: 'en',
    })
    const timestamp = asked[0].headers['x-gatepost-timestamp'] as string
    t.equal(asked[0].headers['x-gatepost-signature'], bodySignature(SECRET, timestamp, asked[0].body))

    const wrong = await visitor.post(login(), { method: 'code', to: '+442079460000', code: '000000' })
    t.equal(wrong.response.status, 403)
    t.match(wrong.html, 'wrong or too old')
    t.match(wrong.html, 'name="code"', 'and the page asks for it again')
    const right = await visitor.post(login(), { method: 'code', to: '+442079460000', code: ' 123456 ' })
    t.equal(right.response.status, 302)
    const [grant] = await site.grants()
    t.match(grant, { method: 'code', account: 'guest +442079460000' })
    t.ok(Math.abs((grant['ends'] as number) - (grant['issued'] as number) - 3_600_000) < 60_000)
  })
}

t.test('numbers that are none, and those that the service refuses', async (t) => {
  const { site, asked, state } = await openService(t)
  const visitor = new Visitor(site.bases[0])
  await visitor.get(login())
  for (const to of ['', '12', 'alice', '+44207946000012345678', '<script>']) {
    const { response, html } = await visitor.post(login(), { method: 'code', to })
    t.equal(response.status, 403)
    t.match(html, 'enter a telephone number')
  }
  t.same(asked, [])
  t.equal((await visitor.post(login(), { method: 'code', to: '+440000000' })).response.status, 403)
  state.broken = true
  t.equal((await visitor.post(login(), { method: 'code', to: '+442079460000' })).response.status, 503)
})

t.test('messages and guesses are limited', async (t) => {
  const { site, asked } = await openService(t)
  const send = async (last: number, address: string) => {
    const visitor = new Visitor(site.bases[0], { 'x-forwarded-for': address })
    await visitor.get(login(last))
    return (await visitor.post(login(last), { method: 'code', to: '+442079460000' })).response.status
  }
  const statuses: number[] = []
  for (let last = 10; last < 14; last++) statuses.push(await send(last, '203.0.113.1'))
  for (let last = 14; last < 18; last++) statuses.push(await send(last, '203.0.113.2'))
  t.same(statuses, [200, 200, 200, 429, 200, 200, 200, 429], 'three from an address, six to a number')
  t.equal(asked.length, 6)
  const guesses = new Set<number>()
  const guesser = new Visitor(site.bases[0])
  await guesser.get(login())
  for (let guess = 0; guess < 12; guess++)
    guesses.add(
      (await guesser.post(login(), { method: 'code', to: '+442079460001', code: String(guess) })).response.status,
    )
  t.same([...guesses], [403, 429])
})

import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { Tokens, type TokenRequest } from '../token.ts'

const SECRET = 'a secret of some length'
const tokens = new Tokens([SECRET])

const request = fc.record({
  now: fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2100, 0, 1) }),
  useWithinMs: fc.integer({ min: 1000, max: 7 * 86_400_000 }),
  sessionMaxMs: fc.integer({ min: 60_000, max: 366 * 86_400_000 }),
  confirmWithinMs: fc.option(fc.integer({ min: 1000, max: 7 * 86_400_000 })),
  mac: fc.constantFrom('', '50-A6-7F-84-9C-D1', 'FF-FF-FF-FF-FF-FF'),
  gwId: fc.string({ unit: 'binary' }),
  account: fc.string({ unit: 'binary' }),
})

const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000

t.test('a token says what it was issued for', (t) => {
  fc.assert(
    fc.property(request, (asked) => {
      const { text, token } = tokens.issue(asked)
      t.match(text, /^[0-9A-Za-z]{64}$/)
      const found = tokens.verify(text)
      t.same(found, token)
      const issued = wholeSeconds(asked.now)
      t.match(token, {
        issued,
        useBy: issued + wholeSeconds(asked.useWithinMs),
        end: issued + wholeSeconds(asked.sessionMaxMs),
        confirmBy: asked.confirmWithinMs === null ? null : issued + wholeSeconds(asked.confirmWithinMs),
        mac: asked.mac,
      })
      t.match(token.sessionId, /^[0-9a-f]{16}$/)
      t.ok(tokens.isOfGateway(token, asked.gwId))
      t.notOk(tokens.isOfGateway(token, `${asked.gwId}x`))
      t.equal(token.accountTag === 0, asked.account === '')
      t.ok(asked.account === '' || tokens.accountTags(asked.account).includes(token.accountTag))
      // A token does not reveal its account or gateway.
      t.not(text, tokens.issue(asked).text)
    }),
    { numRuns: 300 },
  )
  t.end()
})

const plain: TokenRequest = {
  now: Date.UTC(2024, 0, 1),
  useWithinMs: 600_000,
  sessionMaxMs: 86_400_000,
  confirmWithinMs: null,
  mac: '50-A6-7F-84-9C-D1',
  gwId: 'gw',
  account: '',
}

t.test('altered, shortened, lengthened and guessed tokens are invalid', (t) => {
  const { text } = tokens.issue(plain)
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let tried = 0
  let passed = 0
  const attempt = (guess: string) => {
    tried++
    if (guess !== text && tokens.verify(guess) !== null) passed++
  }
  for (let index = 0; index < text.length; index++) {
    for (const digit of digits) attempt(text.slice(0, index) + digit + text.slice(index + 1))
    attempt(text.slice(0, index))
  }
  for (const tail of ['0', 'z', '!', '\u0000', 'é']) {
    attempt(text + tail)
    attempt(text.slice(1) + tail)
  }
  for (let index = 0; index < 100_000; index++) {
    attempt([...randomBytes(64)].map((byte) => digits[byte % 62]).join(''))
  }
  t.equal(passed, 0, `none of ${tried}`)
  t.end()
})

t.test('with two keys, the first signs, tokens of both are valid, and those of a third are not', (t) => {
  const old = new Tokens(['the old secret, long enough'])
  const both = new Tokens(['the new secret, long enough', 'the old secret, long enough'])
  const { text, token } = old.issue(plain)
  t.same(both.verify(text), token)
  t.ok(both.isOfGateway(token, 'gw'), 'also its tags')
  t.equal(old.verify(both.issue(plain).text), null)
  t.equal(new Tokens(['yet another secret']).verify(text), null)
  t.end()
})

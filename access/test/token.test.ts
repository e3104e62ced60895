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

/** Whole seconds, of long durations at most 1 % more. */
const isRoundedUp = (ms: number, asked: number) =>
  ms % 1000 === 0 && ms >= wholeSeconds(asked) && ms <= (asked < 256_000 ? wholeSeconds(asked) : asked * 1.01)
const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000

t.test('a token says what it was issued for', (t) => {
  fc.assert(
    fc.property(request, (asked) => {
      const { text, token } = tokens.issue(asked)
      // wifidog-ng 1.5 keeps 32 characters; gateways search answers for "Pong".
      t.match(text, /^[0-9A-OQ-Za-z]{32}$/)
      const found = tokens.verify(text, asked.mac)
      t.same(found, token)
      const issued = wholeSeconds(asked.now)
      t.match(token, {
        issued,
        end: issued + wholeSeconds(asked.sessionMaxMs),
        mac: asked.mac,
        hasAccount: asked.account !== '',
      })
      t.ok(isRoundedUp(token.useBy - issued, asked.useWithinMs))
      if (asked.confirmWithinMs === null) t.equal(token.confirmBy, null)
      else t.ok(isRoundedUp((token.confirmBy ?? 0) - issued, asked.confirmWithinMs))
      t.match(token.sessionId, /^[0-9a-f]{16}$/)
      t.ok(tokens.isOfGateway(token, asked.gwId))
      t.notOk(tokens.isOfGateway(token, `${asked.gwId}x`))
      t.equal(tokens.verify(text, 'AA-BB-CC-DD-EE-FF')?.sessionId, asked.mac === '' ? token.sessionId : undefined)
      t.equal(tokens.verify(text, '') === null, asked.mac !== '', 'a token of a client is worth nothing without it')
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
    if (guess !== text && tokens.verify(guess, plain.mac) !== null) passed++
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
    attempt([...randomBytes(index % 2 === 0 ? 32 : 64)].map((byte) => digits[byte % 62]).join(''))
  }
  t.equal(passed, 0, `none of ${tried}`)
  t.end()
})

t.test('with two keys, the first signs, tokens of both are valid, and those of a third are not', (t) => {
  const old = new Tokens(['the old secret, long enough'])
  const both = new Tokens(['the new secret, long enough', 'the old secret, long enough'])
  const { text, token } = old.issue(plain)
  t.same(both.verify(text, plain.mac), token)
  t.ok(both.isOfGateway(token, 'gw'), 'also its tags')
  t.equal(old.verify(both.issue(plain).text, plain.mac), null)
  t.equal(new Tokens(['yet another secret']).verify(text, plain.mac), null)
  t.end()
})

t.test('usual durations are exact', (t) => {
  const minute = 60_000
  for (const ms of [1000, minute, 10 * minute, 20 * minute, 60 * minute]) {
    const { token } = tokens.issue({ ...plain, useWithinMs: ms, confirmWithinMs: ms })
    t.equal(token.useBy - token.issued, ms)
    t.equal((token.confirmBy ?? 0) - token.issued, ms)
  }
  t.end()
})

t.test('tokens that version 0.1 issued stay valid', (t) => {
  const bound = tokens.verify('1HVWVWCC33xHejXqDRjdT2boQz0MbCrmRHPkIAvsyeYydWXTVRMnaBV8FhBOUoLP', plain.mac)
  t.match(bound, {
    sessionId: 'b04adf594ceddb88',
    issued: 1_704_067_200_000,
    useBy: 1_704_067_800_000,
    end: 1_704_070_800_000,
    confirmBy: null,
    mac: '50-A6-7F-84-9C-D1',
    hasAccount: true,
  })
  t.ok(bound !== null && tokens.isOfGateway(bound, 'gw') && !tokens.isOfGateway(bound, 'other'))
  t.ok(bound !== null && tokens.accountTags('someone').includes(bound.accountTag))
  t.match(tokens.verify('1HUKTPuCK8hV2IPzkIR8weJ3J9IiI7ILdlV2vZoGJPOnpCL1DxcxY8DurrDePzr1', ''), {
    sessionId: 'a546108f22414ab7',
    end: 1_704_153_600_000,
    confirmBy: 1_704_068_400_000,
    mac: '',
    hasAccount: false,
  })
  t.end()
})

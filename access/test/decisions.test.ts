import t from 'tap'
import { MemoryAccess } from '../../test/helpers/memory-access.ts'
import type { AccessEntry } from '../log.ts'
import type { Verdict } from '../decisions.ts'
import { Decisions, type Asker } from '../decisions.ts'
import { secretFingerprint } from '../fingerprint.ts'
import { GatewayRegistry } from '../registry.ts'
import { Tokens, type TokenRequest } from '../token.ts'

const SECRET = 'a secret of some length'
const MINUTE = 60_000
const NOW = Date.UTC(2024, 0, 1)
const tokens = new Tokens([SECRET])

const asker: Asker = { stage: 'counters', token: 'token', mac: '50:a6:7f:84:9c:d1', gwId: 'gw', remoteIp: '192.0.2.7' }
const deny: AccessEntry = { verdict: 'deny', reason: 'quota', until: null, updatedAt: NOW }
const allow: AccessEntry = { ...deny, verdict: 'allow' }

function open(access = new MemoryAccess(), mode: 'open' | 'signed' = 'open') {
  const registry = new GatewayRegistry(access, (gwId) => tokens.gatewayTags(gwId))
  const decisions = new Decisions({ mode, secret: SECRET, tokens, access, registry })
  const decide = (more: Partial<Asker> = {}, now = NOW) => decisions.decide({ ...asker, ...more }, now) as Verdict
  /** If a token has to be bound first. */
  const later = (more: Partial<Asker>, now = NOW) => Promise.resolve(decisions.decide({ ...asker, ...more }, now))
  return { decisions, decide, later, access, registry }
}

t.test('in open mode every client that is not denied is allowed', async (t) => {
  const { sessionId } = open().decide()
  t.match(open().decide(), { code: 1, own: true })
  for (const subject of [`session:${sessionId}`, 'mac:50-A6-7F-84-9C-D1', 'gateway:gw']) {
    const { decide, access } = open()
    await access.put(subject, deny)
    t.same(decide(), { code: 0, sessionId, own: true }, subject)
    t.match(decide({ token: 'other', mac: '', gwId: 'other' }), { code: 1 }, 'nobody else')
    await access.put(subject, null)
    t.match(decide(), { code: 1 })
  }
})

t.test('until all decisions are known, no client is let in and none is cut off', (t) => {
  const { decide, decisions, access } = open()
  access.known = false
  t.match(decide(), { code: -1, own: true }, 'and the report counts for its session')
  t.equal(decisions.stats.errors, 1)
  t.match(decide({ stage: 'logout' }), { code: 0 }, 'a logout needs no decision')
  t.match(decide({ token: '' }), { code: 0 }, 'nor does a request without a token')
  t.end()
})

t.test('a decision that fails is answered with -1', (t) => {
  const { decide, access } = open()
  access.get = () => {
    throw new Error('out of order')
  }
  t.match(decide(), { code: -1 })
  t.match(open().decide({ stage: 'roam' }), { code: -1 }, 'an unknown stage')
  t.end()
})

const registration = { address: '', name: '', location: '', routed: false }

const request: TokenRequest = {
  now: NOW,
  useWithinMs: 10 * MINUTE,
  sessionMaxMs: 60 * MINUTE,
  confirmWithinMs: null,
  mac: '50-A6-7F-84-9C-D1',
  gwId: 'gw',
  account: 'someone',
}

/** A token in use, and the decisions about it. */
function signed(more: Partial<TokenRequest> = {}) {
  const { text, token } = tokens.issue({ ...request, ...more })
  const opened = open(new MemoryAccess(), 'signed')
  // The portal does this before it hands out a token.
  if (token.hasAccount)
    void opened.access.put(`account-of:${token.sessionId}`, { ...allow, data: { account: request.account } })
  const ask = (stage: string, minutes = 0, other: Partial<Asker> = {}) =>
    opened.decide({ stage, token: text, ...other }, NOW + minutes * MINUTE)
  const bind = (stage: string, minutes = 0) => opened.later({ stage, token: text }, NOW + minutes * MINUTE)
  return { ...opened, ask, bind, token, text }
}

t.test('signed mode: a token of this installation is valid for its client at its gateway only', (t) => {
  const { ask, token } = signed()
  const own = { code: 1, sessionId: token.sessionId, own: true }
  t.same(ask('login'), own)
  t.same(ask('login', 1), own, 'again')
  t.same(ask('counters', 59), own)
  t.same(ask('counters', 1, { gwId: '' }), own, 'gateways before 1.3 send no gw_id')
  t.same(ask('counters', 60), { ...own, code: 0 }, 'the session is over')
  const denied = { code: 0, sessionId: '', own: false }
  t.same(ask('login', 0, { mac: '50:a6:7f:84:9c:d2' }), denied, "another client's")
  t.same(ask('login', 0, { mac: '' }), denied)
  t.same(ask('counters', 0, { gwId: 'other' }), denied, "another gateway's")
  t.same(ask('login', 0, { token: 'anything' }), denied)
  t.end()
})

/*
 * Symptom: counters and a logout of another's session were accepted from anywhere, as long as the request left out gw_id. Root cause: the
 * sources of a gateway were looked up by the gw_id of the request only.
 */
for (const mode of ['signed', 'open'] as const) {
  t.test(`${mode} mode: a request without gw_id must come from the sources of its token's gateway`, async (t) => {
    const { text, token } = tokens.issue(request)
    const { decide, access, registry } = open(new MemoryAccess(), mode)
    const ask = (stage: string, remoteIp: string, gwId = '') => decide({ stage, token: text, gwId, remoteIp })
    await access.put('registration:gw', {
      ...allow,
      data: { ...registration, sources: ['192.0.2.0/24', '2001:db8::/32'] },
    })
    t.match(ask('login', '192.0.2.7', 'gw'), { code: 1, own: true })
    for (const stage of ['counters', 'logout', 'login']) {
      for (const stranger of ['203.0.113.9', '2001:db9::1', ''])
        t.same(ask(stage, stranger), { code: -1, sessionId: '', own: false }, `${stage} from ${stranger}`)
    }
    t.equal(registry.untrusted.auth, 9)
    t.equal(access.get(`session:${token.sessionId}`, NOW), undefined, 'no logout was believed')
    for (const known of ['192.0.2.9', '2001:db8::2']) t.match(ask('counters', known), { code: 1, own: true }, known)
    await access.put('registration:gw', { ...allow, data: { ...registration, sources: [] } })
    t.match(ask('counters', '203.0.113.9'), { code: 1, own: true }, 'no sources are registered')
  })
}

t.test('a token must be used in time, by its first login only', (t) => {
  const late = signed()
  t.match(late.ask('login', 10), { code: 0, own: true })
  t.match(late.access.written.at(-1), [`session:${late.token.sessionId}`, { verdict: 'deny', reason: 'expired' }])
  t.match(late.ask('counters', 11), { code: 0 }, 'the gateway reports counters of it all the same')
  const early = signed()
  t.match(early.ask('login', 9), { code: 1 })
  t.match(early.ask('login', 30), { code: 1 }, 'the same client, once more')
  // A process that started later does not know the login.
  const later = signed()
  t.match(later.ask('counters', 30), { code: 1 }, 'clients that are online stay online')
  t.match(later.ask('login', 31), { code: 1 })
  t.end()
})

/*
 * Symptom: the login of a client that was online for longer than the token's use-by time was answered 0 after a restart or by another worker, and
 * ended its session everywhere. Root cause: each worker remembered by itself which tokens it had seen in use.
 */
t.test('a session that lives is never ended by its own login, whatever the worker and the time', async (t) => {
  const { text, token } = tokens.issue(request)
  const access = new MemoryAccess()
  const worker = () => open(access, 'signed').decide
  const [one, two] = [worker(), worker()]
  const ask = (decide: typeof one, stage: string, minutes: number) =>
    decide({ stage, token: text }, NOW + minutes * MINUTE).code
  t.equal(ask(one, 'login', 1), 1)
  for (const minutes of [11, 20, 40, 59]) {
    for (const decide of [two, one, worker()]) {
      for (const stage of ['login', 'counters', 'login']) t.equal(ask(decide, stage, minutes), 1, `${stage} ${minutes}`)
    }
  }
  t.equal(access.get(`session:${token.sessionId}`, NOW), undefined)
  // A denial by an earlier version, which did not know.
  await access.put(`session:${token.sessionId}`, { ...deny, reason: 'expired', until: token.end })
  t.equal(ask(worker(), 'login', 30), 1)
  t.equal(ask(one, 'logout', 31), 0)
  for (const decide of [one, two, worker()]) t.equal(ask(decide, 'login', 32), 0, 'a logout ends it all the same')
})

t.test('a token that was never used in time is refused by every worker', (t) => {
  const { text } = tokens.issue(request)
  const access = new MemoryAccess()
  const [one, two] = [open(access, 'signed').decide, open(access, 'signed').decide]
  t.match(one({ stage: 'login', token: text }, NOW + 11 * MINUTE), { code: 0, own: true })
  for (const decide of [one, two]) {
    t.match(decide({ stage: 'counters', token: text }, NOW + 12 * MINUTE), { code: 0 }, 'the gateway reports it')
    t.match(decide({ stage: 'login', token: text }, NOW + 13 * MINUTE), { code: 0 })
  }
  t.end()
})

t.test('a logout ends the token', async (t) => {
  const { ask, access, token, decisions } = signed()
  t.match(ask('login'), { code: 1 })
  t.same(ask('logout', 1), { code: 0, sessionId: token.sessionId, own: true })
  t.match(access.get(`session:${token.sessionId}`, NOW), { verdict: 'deny', reason: 'logged_out', until: token.end })
  for (const stage of ['login', 'counters', 'logout']) t.match(ask(stage, 2), { code: 0 }, stage)
  await access.put(`session:${token.sessionId}`, allow)
  t.match(ask('counters', 3), { code: 1 }, 'unless an operator decided otherwise')
  const failing = signed()
  failing.access.failure = new Error('no disk')
  t.match(failing.ask('logout'), { code: 0 })
  t.match(failing.ask('login'), { code: 0 }, 'this worker knows it before it is written')
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(failing.decisions.stats.unwritten, 1)
  t.equal(decisions.stats.unwritten, 0)
})

t.test('the narrowest decision wins, and only denials deny', async (t) => {
  const { ask, access, token } = signed()
  const subjects = ['gateway:gw', 'account:someone', 'mac:50-A6-7F-84-9C-D1', `session:${token.sessionId}`]
  for (const [index, subject] of subjects.entries()) {
    const entry = index % 2 === 0 ? deny : allow
    await access.put(subject, entry)
    t.match(ask('counters', 1), { code: index % 2 === 0 ? 0 : 1, own: true }, `${subject}: ${entry.verdict}`)
  }
  await access.put(subjects[3], { ...deny, until: NOW + 5 * MINUTE })
  t.match(ask('counters', 4), { code: 0 })
  t.match(ask('counters', 5), { code: 0 }, "then the client's counts again")
  await access.put(subjects[2], null)
  t.match(ask('counters', 5), { code: 1 })
  for (const subject of subjects.slice(0, 2)) await access.put(subject, null)
  await access.put('account:other', deny)
  t.match(ask('counters', 6), { code: 1 })
})

t.test('an account that must be confirmed is in validation', async (t) => {
  const { ask, access, token } = signed({ confirmWithinMs: 20 * MINUTE })
  t.match(ask('login', 1), { code: 5, own: true })
  t.match(ask('counters', 19), { code: 5 })
  t.match(ask('counters', 20), { code: 6 }, 'too late')
  await access.put(`confirmed:${token.sessionId}`, allow)
  t.match(ask('counters', 19), { code: 1 })
  t.match(ask('counters', 21), { code: 1 })
  await access.put('account:someone', deny)
  t.match(ask('counters', 21), { code: 0 }, 'a confirmation does not override a denial')
})

t.test('a token without a client belongs to the first client that logs in with it', async (t) => {
  const { ask, bind, access, token, decisions } = signed({ mac: '' })
  const other = { mac: '50:a6:7f:84:9c:d2' }
  t.same(ask('logout'), { code: 0, sessionId: '', own: false }, 'no device has it yet')
  const own = { code: 1, sessionId: token.sessionId, own: true }
  t.same(await bind('login'), own)
  t.match(access.get(`bind:${token.sessionId}`, NOW), { data: { mac: '50-A6-7F-84-9C-D1' }, until: token.end })
  t.same(ask('login', 1), own)
  t.same(ask('login', 1, other), { code: 0, sessionId: '', own: false })
  t.same(ask('counters', 1, other), { code: 0, sessionId: '', own: false })

  const failing = signed({ mac: '' })
  failing.access.failure = new Error('no answer')
  t.match(await failing.bind('login'), { code: -1 })
  t.equal(failing.decisions.stats.errors, 1)
  failing.access.failure = null
  t.match(await failing.bind('counters', 1), { code: 1 }, 'the gateway reports it all the same')
  access.known = false
  t.match(ask('login', 2), { code: -1 })
  t.equal(decisions.stats.errors, 1)
})

t.test('many guessed tokens do not evict a token in use', (t) => {
  const { ask, text } = signed()
  t.match(ask('login'), { code: 1 })
  let passed = 0
  for (let index = 0; index < 20_000; index++) {
    const guess = text.slice(0, -6) + String(index).padStart(6, '0')
    if (guess !== text && ask('counters', 1, { token: guess }).code !== 0) passed++
  }
  t.equal(passed, 0)
  t.match(ask('login', 30), { code: 1 }, 'still known to be in use')
  t.end()
})

t.test('a fingerprint distinguishes secrets and does not reveal them', (t) => {
  t.match(secretFingerprint(SECRET), /^[0-9a-f]{32}$/)
  t.equal(secretFingerprint(SECRET), secretFingerprint(SECRET))
  t.not(secretFingerprint(SECRET), secretFingerprint('another secret of some length'))
  t.end()
})

t.test('tokens that version 0.1 issued: decisions about account and gateway apply', async (t) => {
  const text = '1HVWVWCC33xHejXqDRjdT2boQz0MbCrmRHPkIAvsyeYydWXTVRMnaBV8FhBOUoLP'
  const { decide, access } = open(new MemoryAccess(), 'signed')
  const ask = (more: Partial<Asker> = {}) => decide({ token: text, ...more })
  t.match(ask(), { code: 1, sessionId: 'b04adf594ceddb88', own: true })
  const restarted = open(new MemoryAccess(), 'signed')
  t.match(
    restarted.decide({ token: text, stage: 'login' }, NOW + 30 * MINUTE),
    { code: 0 },
    'its first use is not known',
  )
  t.match(restarted.decide({ token: text }, NOW + 30 * MINUTE), { code: 1 }, 'without consequence')
  t.match(ask({ mac: '50:a6:7f:84:9c:d2' }), { code: 0, own: false })
  t.match(ask({ gwId: 'other' }), { code: 0, own: false })
  for (const subject of ['account:someone', 'gateway:gw', 'mac:50-A6-7F-84-9C-D1', 'session:b04adf594ceddb88']) {
    await access.put(subject, deny)
    t.match(ask(), { code: 0, own: true }, subject)
    await access.put(subject, null)
  }
  t.match(ask(), { code: 1 })
})

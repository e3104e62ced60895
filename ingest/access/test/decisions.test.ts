import t from 'tap'
import type { AccessEntry, AccessLog } from '../../../log/access.ts'
import { Decisions, type Asker } from '../decisions.ts'
import { secretFingerprint } from '../fingerprint.ts'

const SECRET = 'a secret of some length'
const asker: Asker = { stage: 'counters', token: 'token', mac: '50:a6:7f:84:9c:d1', gwId: 'gw' }

function accessLog(subjects: string[], known = true): AccessLog {
  const entry: AccessEntry = { verdict: 'deny', reason: '', until: null, updatedAt: 0 }
  return {
    known,
    get: (subject) => (subjects.includes(subject) ? entry : undefined),
    entries: () => [],
    claim: (_subject, entry) => Promise.resolve(entry),
    put: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

const open = (access: AccessLog | null = null) => new Decisions('open', SECRET, access)

t.test('in open mode whoever is not denied is allowed', (t) => {
  const { sessionId } = open().decide(asker)
  t.match(open().decide(asker), { code: 1, own: true })
  t.match(open(accessLog([])).decide(asker), { code: 1, own: true })
  for (const subject of [`session:${sessionId}`, 'mac:50-A6-7F-84-9C-D1', 'gateway:gw']) {
    const decisions = open(accessLog([subject]))
    t.same(decisions.decide(asker), { code: 0, sessionId, own: true }, subject)
    t.match(decisions.decide({ ...asker, token: 'other', mac: '', gwId: 'other' }), { code: 1 }, 'nobody else')
  }
  t.end()
})

t.test('as long as not every decision is known, nobody is let in and nobody is cut off', (t) => {
  const decisions = open(accessLog([], false))
  t.match(decisions.decide(asker), { code: -1, own: true }, 'and the report counts for its session')
  t.equal(decisions.stats.errors, 1)
  t.match(decisions.decide({ ...asker, stage: 'logout' }), { code: 0 }, 'a logout needs no decision')
  t.match(decisions.decide({ ...asker, token: '' }), { code: 0 }, 'nor does a request without a token')
  t.end()
})

t.test('a decision that fails is -1', (t) => {
  const access = accessLog([])
  access.get = () => {
    throw new Error('out of order')
  }
  t.match(open(access).decide(asker), { code: -1 })
  t.match(open().decide({ ...asker, stage: 'roam' }), { code: -1 }, 'a stage that is none')
  t.end()
})

t.test('in signed mode nobody is let in without a token of this installation', (t) => {
  t.match(new Decisions('signed', SECRET).decide(asker), { code: 0, own: false })
  t.end()
})

t.test('a fingerprint tells secrets apart and does not tell them', (t) => {
  t.match(secretFingerprint(SECRET), /^[0-9a-f]{32}$/)
  t.equal(secretFingerprint(SECRET), secretFingerprint(SECRET))
  t.not(secretFingerprint(SECRET), secretFingerprint('another secret of some length'))
  t.end()
})

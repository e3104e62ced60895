import t from 'tap'
import { commitMetadata, resumeAt, startOf } from '../position.ts'

const ID = 'ab'.repeat(16)
const metadata = commitMetadata(ID)

t.test('a partition is read from one batch before the committed offset, to check that the log is the same', (t) => {
  t.same(startOf({ committed: null, metadata: null, low: 7, high: 20 }), { offset: 7, expect: null, alarm: null })
  t.same(startOf({ committed: 12, metadata, low: 7, high: 20 }), { offset: 11, expect: ID, alarm: null })
  t.same(startOf({ committed: 20, metadata, low: 7, high: 20 }), { offset: 19, expect: ID, alarm: null }, 'at the end')
  t.same(startOf({ committed: 7, metadata, low: 7, high: 20 }), { offset: 7, expect: null, alarm: null }, 'expired')
  t.end()
})

t.test('a wrong committed offset raises an alarm, and the whole partition is read again', (t) => {
  const facts = { low: 7, high: 20, metadata }
  const wrong = [
    { ...facts, committed: 21 },
    { ...facts, committed: 6 },
    { ...facts, committed: 12, metadata: null },
    { ...facts, committed: 12, metadata: '' },
    { ...facts, committed: 12, metadata: 'set by hand' },
    { ...facts, committed: 0, metadata: null },
  ]
  for (const start of wrong.map(startOf)) {
    t.match(start, { offset: 7, expect: null })
    t.type(start.alarm, 'string')
  }
  t.end()
})

t.test('reading continues after the committed offset', (t) => {
  const facts = { expected: 15, committed: 12, committedId: ID, low: 7, high: 20 }
  t.same(resumeAt(facts), { offset: 11, expect: ID, alarm: null })
  t.same(resumeAt({ ...facts, committedId: null }), { offset: 12, expect: null, alarm: null })
  t.same(resumeAt({ ...facts, committed: null, committedId: null }), { offset: 7, expect: null, alarm: null })
  for (const start of [{ expected: 5 }, { expected: 21 }, { expected: null }].map((wrong) =>
    resumeAt({ ...facts, ...wrong }),
  )) {
    t.match(start, { offset: 7, expect: null })
    t.type(start.alarm, 'string')
  }
  t.end()
})

import t from 'tap'
import { AccessTable } from '../table.ts'
import { LOGGED_OUT } from '../subjects.ts'

const NOW = 1_000_000
const ends = (until = NOW + 1000) => ({ verdict: 'deny', reason: LOGGED_OUT, until, updatedAt: NOW }) as const
const decided = { verdict: 'deny', reason: 'abuse', until: null, updatedAt: NOW } as const
const claim = (index: number) => `bind:${index}#${index.toString(16).padStart(16, '0')}`

t.test('ends of sessions and what logins leave displace each other, and nothing else', (t) => {
  const table = new AccessTable(100)
  for (const subject of ['mac:A', 'session:cut-off', 'account:a', 'voucher:v', 'credential:c'])
    table.apply(subject, decided)
  for (let index = 0; index < 1000; index++) {
    table.apply(`session:${index}`, ends())
    table.apply(`credential:captive:${index} gw`, { ...ends(), verdict: 'allow' })
    table.apply(claim(index), { ...ends(), verdict: 'allow' })
  }
  t.equal(table.full, false, 'decisions go on')
  t.equal(table.size, 5 + 100 + 100)
  t.equal(table.displaced, 2900 - 100)
  for (const subject of ['mac:A', 'session:cut-off', 'account:a', 'voucher:v', 'credential:c'])
    t.same(table.get(subject, NOW), decided, subject)
  t.equal(table.get('session:0', NOW), undefined, 'the oldest is forgotten')
  t.ok(table.get('bind:999', NOW), 'the newest is not')
  t.equal([...table.records(NOW)].length, 205)
  t.equal([...table.subjects()].length, 205)
  t.equal([...table.entries('session:', NOW)].length, 51)
  t.end()
})

t.test('an operator decides about a session that has ended, and a session ends that was decided about', (t) => {
  const table = new AccessTable(10)
  table.apply('session:a', ends())
  table.apply('session:a', decided)
  t.same(table.get('session:a', NOW), decided)
  t.equal(table.size, 1)
  table.apply('session:a', ends())
  t.same(table.get('session:a', NOW), ends(), 'the last one wins')
  table.apply('session:a', null)
  t.equal(table.get('session:a', NOW), undefined)
  t.equal(table.size, 0)
  t.same([...table.records(NOW)], [])
  t.end()
})

t.test('a record that has ended hides no later claim', (t) => {
  const table = new AccessTable()
  const entry = (device: string, updatedAt: number, until: number) => ({
    verdict: 'allow' as const,
    reason: '',
    until,
    updatedAt,
    data: { device },
  })
  table.apply('place:1 a#00000000000000aa', entry('first', 1, 60))
  table.apply('place:1 a', entry('first', 2, 100))
  t.match(table.get('place:1 a', 99), { data: { device: 'first' } })
  t.equal(table.get('place:1 a', 100), undefined)
  table.apply('place:1 a#00000000000000bb', entry('second', 110, 170))
  t.match(table.get('place:1 a', 111), { data: { device: 'second' } })
  t.same(
    [...table.entries('place:', 111)].map(([subject, { data }]) => [subject, data]),
    [['place:1 a', { device: 'second' }]],
  )
  t.end()
})

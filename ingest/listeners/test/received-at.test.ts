import t from 'tap'
import { ReceivedAt } from '../received-at.ts'

const KEY = 'ab'.repeat(32)
const AT = 1_700_000_000_000

t.test('a sender on this machine that knows the key sets the time of a request', (t) => {
  const receivedAt = new ReceivedAt(KEY)
  for (const peer of ['127.0.0.1', '127.8.9.10', '::1']) {
    t.equal(receivedAt.clock(`${KEY} ${AT}`, peer)(), AT, peer)
  }
  t.end()
})

t.test('all other requests get the present time', (t) => {
  const receivedAt = new ReceivedAt(KEY)
  const cases: readonly (readonly [string, string])[] = [
    ['', '127.0.0.1'],
    [KEY, '127.0.0.1'],
    [`${AT}`, '127.0.0.1'],
    [`${KEY.slice(1)} ${AT}`, '127.0.0.1'],
    [`${'0'.repeat(64)} ${AT}`, '127.0.0.1'],
    [`${KEY} -1`, '127.0.0.1'],
    [`${KEY} 1.5`, '127.0.0.1'],
    [`${KEY} x`, '127.0.0.1'],
    [`${KEY} ${Date.now() + 3_600_000}`, '127.0.0.1'],
    [`${KEY} ${AT}`, '192.0.2.1'],
    [`${KEY} ${AT}`, '2001:db8::1'],
    [`${KEY} ${AT}`, ''],
  ]
  for (const [header, peer] of cases) t.equal(receivedAt.clock(header, peer), Date.now, `${header} from ${peer}`)
  t.end()
})

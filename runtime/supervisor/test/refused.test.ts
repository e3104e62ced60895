import t from 'tap'
import { refusedOf } from '../refused.ts'

const series = (name: string, values: readonly (readonly [number, Record<string, string>])[]) => ({
  name,
  values: values.map(([value, labels]) => ({ value, labels })),
})

t.test('records that workers did not accept are summed by reason', (t) => {
  const worker = [
    series('gatepost_records_not_kept_total', [
      [2, { topic: 'post_auth', reason: 'LOG_FULL' }],
      [1, { topic: 'gateway_pings', reason: 'LOG_BUSY' }],
    ]),
    series('gatepost_requests_total', [
      [500, { route: 'ping', status: '200' }],
      [7, { route: 'post_auth', status: '503' }],
      [0, { route: 'unknown', status: '404' }],
    ]),
    series('gatepost_untrusted_requests_total', [
      [0, { route: 'ping' }],
      [3, { route: 'auth' }],
    ]),
  ]
  t.same(refusedOf([...worker, ...worker]), [
    { kind: 'request', of: 'post_auth', reason: 'answered 503', count: 14 },
    { kind: 'request', of: 'auth', reason: 'not from the registered source', count: 6 },
    { kind: 'record', of: 'post_auth', reason: 'LOG_FULL', count: 4 },
    { kind: 'record', of: 'gateway_pings', reason: 'LOG_BUSY', count: 2 },
  ])
  t.end()
})

t.test('nothing', (t) => {
  t.same(refusedOf([]), [])
  t.end()
})

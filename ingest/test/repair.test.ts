import t from 'tap'
import { decodeRecords } from '../../test/helpers/decode.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { repairedBatch, replayId, type RepairedLetter } from '../repair.ts'

const letter: RepairedLetter = {
  receivedAt: 1_790_000_000_123,
  source: 'ping',
  reason: 'bad_telemetry',
  payload: '',
  batchId: '00112233-4455-6677-8899-aabbccddeeff',
  batchIndex: 3,
  remoteIp: '192.0.2.1',
  sender: 'radius-1',
  userNames: 'lowercase',
}

function decoded(change: Partial<RepairedLetter>): { stream: Stream; record: Record<string, unknown> } {
  const batch = repairedBatch({ ...letter, ...change })
  const [{ record }] = decodeRecords(batch.stream, batch.records, batch.recordCount)
  return { stream: batch.stream, record }
}

const identity = { received_at: letter.receivedAt, batch_id: replayId(letter), batch_index: 0 }

t.test('a repaired letter makes the record that the request would have made, with its time', (t) => {
  const ping = 'gw_id=gw&sys_uptime=1&sys_memfree=2&sys_load=0.5&wifidog_uptime=4&model=x'
  t.match(decoded({ payload: ping }), {
    stream: 'gateway_pings',
    record: { ...identity, gw_id: 'gw', sys_uptime: 1n, sys_load: 0.5, trusted: true, extra: { model: 'x' } },
  })
  const auth = 'stage=counters&ip=10.0.0.1&mac=50:a6:7f:84:9c:d1&incoming=5&gw_id=gw'
  t.match(decoded({ source: 'auth', reason: 'unknown_stage', payload: auth }), {
    stream: 'gateway_auth',
    record: { ...identity, stage: 'counters', mac: '50-A6-7F-84-9C-D1', auth_code: -1, own: false },
  })
  const postAuth = JSON.stringify({ username: 'Someone', authentication_result: 'Access-Accept' })
  t.match(decoded({ source: 'post-auth', payload: postAuth }), {
    stream: 'post_auth',
    record: { ...identity, username: 'someone', success: true },
  })
  t.end()
})

t.test('a record that its table refused is read from the payload', (t) => {
  const payload = JSON.stringify({
    received_at: 5,
    batch_id: '00',
    batch_index: 9,
    gw_id: 'gw',
    sys_uptime: '18446744073709551',
    sys_memfree: '2',
    sys_load: 0.5,
    wifidog_uptime: 4,
    remote_ip: '10.0.0.1',
    user_agent: '',
    trusted: true,
    extra: {},
  })
  t.match(decoded({ source: 'gateway_pings', reason: 'refused_by_store', payload }), {
    stream: 'gateway_pings',
    record: { ...identity, sys_uptime: 18446744073709551n, remote_ip: '10.0.0.1' },
  })
  t.end()
})

t.test('a payload that is still wrong is refused with the reason', (t) => {
  const cases: [Partial<RepairedLetter>, RegExp][] = [
    [{ payload: 'sys_uptime=1' }, /gw_id is missing/],
    [{ payload: 'gw_id=gw&sys_uptime=x' }, /sys_uptime is not a number/],
    [{ reason: 'bad_number', payload: 'gw_id=gw' }, /would store it twice/],
    [{ source: 'auth', payload: 'stage=login' }, /would store it twice/],
    [{ source: 'auth', reason: 'unknown_stage', payload: 'stage=roam' }, /stage is none of/],
    [{ source: 'post-auth', payload: '{' }, /body: /],
    [{ source: 'post-auth', payload: '{"username":"x"}' }, /authentication_result is missing/],
    [{ source: 'post-auth', payload: '{"username":"HEALTH","authentication_result":"x"}' }, /health check/],
    [{ source: 'gateway_pings', payload: 'base64==' }, /not JSON/],
    [{ source: 'gateway_pings', payload: '[]' }, /not a record of gateway_pings: .*gw_id/],
    [{ source: 'nowhere', payload: '' }, /source nowhere is not known/],
  ]
  for (const [change, message] of cases) {
    t.throws(() => repairedBatch({ ...letter, ...change }), { code: 'INPUT_INVALID', message })
  }
  t.end()
})

t.test('a letter has one identity of its own, whatever its payload', (t) => {
  t.same(replayId(letter), replayId({ ...letter }))
  t.notSame(replayId(letter), replayId({ ...letter, batchIndex: 4 }))
  t.end()
})

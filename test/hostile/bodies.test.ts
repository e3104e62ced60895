import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { GoodClient } from './good-client.ts'
import { assertMemoryReturns, residentMiB } from './memory.ts'
import { metric } from './metric.ts'

/*
 * Bodies that are as large as they may be. Symptom: one POST of counters stopped a worker for 184 s. Root cause: a gw_id of 500 KB was encoded
 * once for each of 50,000 clients, in one turn of the event loop.
 */

const ROUNDS = 3
const AT_ONCE = 6

t.test('large bodies of counters, with good clients beside them', async (t) => {
  const instance = await Instance.create(t.testdir(), { GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => instance.destroy())
  await instance.start()
  const worker = instance.children('ingest-main')
  const good = new GoodClient(instance).start()
  const post = (body: unknown) =>
    fetch(instance.url('/auth/?stage=counters_v2'), { method: 'POST', body: JSON.stringify(body) })

  const shared = { gw_id: 'g'.repeat(500_000), clients: Array.from({ length: 50_000 }, () => ({ id: 1 })) }
  for (let attempt = 0; attempt < 5; attempt++) {
    const response = await post(shared)
    t.equal(response.status, 400)
    t.match(await response.json(), { error: 'gw_id has more than 512 characters' })
  }
  t.equal(await metric(instance, 'gatepost_ingest_dead_letters_total', 'reason="field_too_long"'), 5)
  t.equal(await metric(instance, 'gatepost_records_total', 'topic="gateway_auth"'), 0, 'nothing was encoded for it')

  const most = Array.from({ length: 8192 }, (_, id) => ({ id, mac: '00:11:22:33:44:55', token: `t${id}` }))
  const children = [...worker, ...instance.children('store-main')]
  let before: number | null = null
  for (let round = 0; round < ROUNDS; round++) {
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => post({ gw_id: 'G', clients: most })))
    for (const response of replies) {
      t.equal(response.headers.get('x-gatepost-record'), 'kept')
      t.equal(((await response.json()) as { auth_op: unknown[] }).auth_op.length, 8192)
    }
    before ??= residentMiB(children)
  }
  await good.stop()
  t.same(good.failures, [])
  t.ok(good.kept > 0, `${good.kept} good requests`)
  t.same(instance.children('ingest-main'), worker, 'no worker was replaced')
  const rows = await instance.queryUntil<{ n: number }>(
    'SELECT toUInt32(count()) AS n FROM gateway_auth',
    ([row]) => row.n >= ROUNDS * AT_ONCE * 8192,
  )
  t.same(rows, [{ n: ROUNDS * AT_ONCE * 8192 }])
  await assertMemoryReturns(t, children, before)
})

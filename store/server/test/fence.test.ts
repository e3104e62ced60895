import t from 'tap'
import { GatepostError } from '../../../common/errors.ts'
import { createLogger } from '../../../common/logger.ts'
import { StoreServer } from '../../../test/helpers/store-server.ts'
import { TcpProxy } from '../../../test/helpers/tcp-proxy.ts'
import type { Ownership, Store } from '../../contract.ts'
import { makeBatch, repeated } from '../../../schemas/test/records.ts'
import { openServerStore } from '../open.ts'

const logger = createLogger('store-test')
logger.level = 'silent'
const NOW = Math.floor(Date.now() / 1000) * 1000 - 60_000

const server = await StoreServer.start(t.testdir() + '/server')
t.teardown(() => server.stop())
const proxy = await TcpProxy.start(server.port)
t.teardown(() => proxy.close())
const direct = await openServerStore({ url: server.url(), logger })
const behind = await openServerStore({ url: server.url(proxy.port), logger })
t.teardown(() => direct.close())
t.teardown(() => behind.close())
await direct.migrate()

async function codeOf(promise: Promise<unknown>): Promise<string | null> {
  try {
    await promise
    return null
  } catch (error) {
    return error instanceof GatepostError ? error.code : String(error)
  }
}

async function count(store: Store, table: string): Promise<number> {
  const [row] = await store.query<{ rows: string }>(`SELECT count() AS rows FROM gatepost.${table}`)
  return Number(row.rows)
}

const batch = (stream: 'post_auth' | 'gateway_pings' | 'dead_letters' = 'post_auth') =>
  makeBatch(stream, NOW, repeated(5))

t.test('epochs count up, and only the newest ownership inserts', async (t) => {
  const first = await direct.takeOwnership('post_auth', '0', null)
  t.equal(first.epoch, 1)
  const before = await count(direct, 'post_auth')
  const one = batch()
  t.same(await direct.insertOnce('post_auth', [one], [first]), { rows: 5, alreadyPresent: 0 })
  const second = await behind.takeOwnership('post_auth', '0', null)
  t.equal(second.epoch, 2)
  t.not(second.owner, first.owner)
  const two = batch()
  t.equal(await codeOf(direct.insertOnce('post_auth', [two], [first])), 'STORE_FENCED')
  t.equal((await count(direct, 'post_auth')) - before, 5, 'and wrote nothing')
  t.same(
    await direct.insertOnce('post_auth', [one], [first]),
    { rows: 0, alreadyPresent: 1 },
    'a stored batch is present',
  )
  t.same(await behind.insertOnce('post_auth', [two], [second]), { rows: 5, alreadyPresent: 0 })
  t.same(
    await direct.query(`SELECT topic, partition, epoch, owner FROM gatepost.partition_owners WHERE partition = '0'`),
    [{ topic: 'post_auth', partition: '0', epoch: '2', owner: second.owner }],
  )
})

t.test('one stale ownership of several is enough', async (t) => {
  const parts = ['a', "b'", 'c']
  const ownerships: Ownership[] = []
  for (const part of parts) ownerships.push(await direct.takeOwnership('gateway_pings', part, null))
  t.same(await direct.insertOnce('gateway_pings', [batch('gateway_pings')], ownerships), { rows: 5, alreadyPresent: 0 })
  await behind.takeOwnership('gateway_pings', "b'", null)
  t.equal(await codeOf(direct.insertOnce('gateway_pings', [batch('gateway_pings')], ownerships)), 'STORE_FENCED')
  const letters = direct.insertOnce('dead_letters', [batch('dead_letters')], ownerships)
  t.equal(await codeOf(letters), 'STORE_FENCED', 'dead letters are inserted under the ownerships of another stream')
})

t.test('ownership is taken again only if no other owner has taken over', async (t) => {
  const first = await direct.takeOwnership('post_auth', 'previous', null)
  const second = await direct.takeOwnership('post_auth', 'previous', first)
  t.equal(second.epoch, first.epoch + 1)
  const third = await direct.takeOwnership('post_auth', 'previous', first)
  t.equal(third.epoch, first.epoch + 2, 'the answer to its own ownership may have been lost')
  t.same(await direct.insertOnce('post_auth', [batch()], [third]), { rows: 5, alreadyPresent: 0 })
  await behind.takeOwnership('post_auth', 'previous', null)
  t.equal(await codeOf(direct.takeOwnership('post_auth', 'previous', third)), 'STORE_FENCED')
})

t.test('of several takers at once, one becomes the owner', async (t) => {
  const stores = await Promise.all(Array.from({ length: 4 }, () => openServerStore({ url: server.url(), logger })))
  t.teardown(() => Promise.all(stores.map((store) => store.close())))
  const owned = await Promise.allSettled(stores.map((store) => store.takeOwnership('post_auth', 'many', null)))
  const ownerships = owned.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  t.ok(ownerships.length > 0)
  const outcomes = await Promise.all(
    ownerships.map((ownership) => codeOf(direct.insertOnce('post_auth', [batch()], [ownership]))),
  )
  t.equal(outcomes.filter((code) => code === null).length, 1)
})

t.test('after a lost answer, ownership is taken again, the batch is found, and its views are run again', async (t) => {
  const ownership = await behind.takeOwnership('gateway_pings', 'lost', null)
  const one = makeBatch('gateway_pings', NOW, [{ gw_id: 'gw-lost' }])
  // The look-up is answered; the insert's answer is lost.
  proxy.onRequest = (chunk) => {
    if (chunk.includes('INSERT+INTO+gatepost.gateway_pings')) proxy.mode = 'drop-answers'
  }
  const attempt = codeOf(behind.insertOnce('gateway_pings', [one], [ownership]))
  const there = async () =>
    (await direct.query(`SELECT 1 FROM gatepost.gateway_pings WHERE gw_id = 'gw-lost'`)).length === 1
  while (!(await there())) await new Promise((resolve) => setTimeout(resolve, 20))
  proxy.onRequest = null
  proxy.mode = 'refuse'
  t.equal(await attempt, 'STORE_UNAVAILABLE')
  t.equal(await codeOf(behind.takeOwnership('gateway_pings', 'lost', ownership)), 'STORE_UNAVAILABLE')
  proxy.mode = 'pass'
  await direct.command(
    `DELETE FROM gatepost.gateway_latest WHERE gw_id = 'gw-lost' SETTINGS lightweight_deletes_sync = 2`,
  )
  const again = await behind.takeOwnership('gateway_pings', 'lost', ownership)
  t.same(await behind.insertOnce('gateway_pings', [one], [again]), { rows: 0, alreadyPresent: 1 })
  t.same(await direct.query(`SELECT gw_id FROM gatepost.gateways WHERE gw_id = 'gw-lost'`), [{ gw_id: 'gw-lost' }])
})

t.test('a request that arrives under an earlier epoch writes nothing', async (t) => {
  const ownership = await behind.takeOwnership('post_auth', 'late', null)
  const before = await count(direct, 'post_auth')
  proxy.onRequest = (chunk) => {
    if (chunk.includes('INSERT+INTO+gatepost.post_auth')) proxy.mode = 'hold'
  }
  const attempt = codeOf(behind.insertOnce('post_auth', [batch()], [ownership]))
  while (proxy.mode !== 'hold') await new Promise((resolve) => setTimeout(resolve, 10))
  proxy.onRequest = null
  await direct.takeOwnership('post_auth', 'late', null)
  proxy.mode = 'pass'
  t.equal(await attempt, 'STORE_FENCED')
  t.equal(await count(direct, 'post_auth'), before)
})

t.test('errors of a proxy in between leave the outcome unknown', async (t) => {
  const ownership = await behind.takeOwnership('post_auth', 'gateway', null)
  proxy.mode = 'error'
  t.equal(await codeOf(behind.insertOnce('post_auth', [batch()], [ownership])), 'STORE_UNAVAILABLE')
  t.equal(await codeOf(behind.query('SELECT 1')), 'STORE_UNAVAILABLE')
  proxy.mode = 'pass'
  t.same(await behind.query('SELECT 1 AS one'), [{ one: 1 }])
})

t.test('inserts that run when ownership is taken are waited for, and later killed', async (t) => {
  await direct.command('CREATE TABLE IF NOT EXISTS gatepost.slow (n UInt64) ENGINE = Null')
  /** A slow insert of another store. */
  const slowInsert = async (queryId: string) => {
    const url = new URL(server.url())
    const headers = { 'X-ClickHouse-User': 'admin', 'X-ClickHouse-Key': url.password }
    const body = 'INSERT INTO gatepost.slow SELECT number FROM numbers(1000000000000)'
    const answer = await fetch(`${url.origin}/?query_id=${queryId}`, { method: 'POST', headers, body })
    return await answer.text()
  }
  const isRunning = async (queryId: string) =>
    (await direct.query('SELECT 1 FROM system.processes WHERE query_id = {queryId:String}', { queryId })).length > 0
  const claimer = async (killAfterMs: number, giveUpAfterMs: number) => {
    const fencePatience = { killAfterMs, giveUpAfterMs }
    const store = await openServerStore({ url: server.url(), logger, fencePatience })
    t.teardown(() => store.close())
    return store
  }
  const slow = slowInsert('gatepost-insert-post_auth-somebody-7')
  while (!(await isRunning('gatepost-insert-post_auth-somebody-7')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  const hasty = await claimer(60_000, 100)
  t.equal(await codeOf(hasty.takeOwnership('gateway_pings', 'slow', null)), 'STORE_UNAVAILABLE', 'not while it runs')
  t.ok(await isRunning('gatepost-insert-post_auth-somebody-7'))
  const killer = await claimer(100, 30_000)
  t.match(await killer.takeOwnership('gateway_pings', 'slow', null), { epoch: 2 })
  t.notOk(await isRunning('gatepost-insert-post_auth-somebody-7'))
  t.match(await slow, /QUERY_WAS_CANCELLED/)
})

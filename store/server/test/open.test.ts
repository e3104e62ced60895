import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { GatepostError } from '../../../common/errors.ts'
import { createLogger } from '../../../common/logger.ts'
import { StoreServer } from '../../../test/helpers/store-server.ts'
import { loadMigrations } from '../../migrations.ts'
import { makeBatch, repeated } from '../../test/records.ts'
import { MAX_BATCHES_PER_INSERT } from '../inserter.ts'
import { openServerStore } from '../open.ts'
import { REQUIRED_SETTINGS } from '../settings.ts'

const logger = createLogger('store-test')
logger.level = 'silent'
const PASSWORD = 'a-password-that-shows'

const server = await StoreServer.start(t.testdir() + '/server', { password: PASSWORD })
t.teardown(() => server.stop())

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof GatepostError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('it did not fail')
}

const opening = (url: string) => failureOf(openServerStore({ url, logger }))

t.test('a wrong URL or password is told, and never shown', async (t) => {
  const cases: [string, string, RegExp][] = [
    [server.url().replace('/gatepost', '/other'), 'CONFIG_INVALID', /GATEPOST_CLICKHOUSE_URL names the database other/],
    [server.url().replace('http:', 'ftp:'), 'CONFIG_INVALID', /http:\/\//],
    [`${server.url()}?async_insert=1`, 'CONFIG_INVALID', /settings are not taken/],
    [`http://admin:${PASSWORD} @[`, 'CONFIG_INVALID', /is not a URL/],
    [server.url().replace(PASSWORD, `${PASSWORD}x`), 'CONFIG_INVALID', /refuses user admin: check user and password/],
    [server.url(9), 'STORE_UNAVAILABLE', /http:\/\/127.0.0.1:9 cannot be reached .*GATEPOST_CLICKHOUSE_URL/],
    [`http://admin:${PASSWORD}@no-such-host.invalid:8123`, 'STORE_UNAVAILABLE', /no-such-host.invalid/],
  ]
  for (const [url, code, message] of cases) {
    const failure = await opening(url)
    t.match(failure, { code, message }, String(message))
    t.notMatch(failure.message, PASSWORD)
  }
})

/** A server that answers every statement in one way. */
async function answering(status: number, code: string | null, body: string): Promise<string> {
  const fake: Server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, code === null ? {} : { 'X-ClickHouse-Exception-Code': code }).end(body)
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  t.teardown(() => fake.close())
  return `http://u:p@127.0.0.1:${(fake.address() as AddressInfo).port}/gatepost`
}

t.test('what the server lacks is told', async (t) => {
  const refusal = (code: number, text: string, name: string) =>
    answering(500, String(code), `Code: ${code}. DB::Exception: ${text} (${name}) (version 26.7.2.1)\n`)
  t.match(await opening(await refusal(497, 'u: Not enough privileges.', 'ACCESS_DENIED')), {
    code: 'CONFIG_INVALID',
    message: /lacks a right: GRANT SELECT, INSERT, .* ON gatepost.\* TO u/,
  })
  t.match(await opening(await refusal(81, 'Database gatepost does not exist', 'UNKNOWN_DATABASE')), {
    code: 'CONFIG_INVALID',
    message: /CREATE DATABASE gatepost/,
  })
  const known = REQUIRED_SETTINGS.slice(1).map((name) => JSON.stringify({ name }))
  t.match(await opening(await answering(200, null, `${known.join('\n')}\n`)), {
    code: 'CONFIG_INVALID',
    message: new RegExp(`depend on: ${REQUIRED_SETTINGS[0]};`),
  })
  t.match(await opening(await answering(502, null, 'Bad Gateway')), { code: 'STORE_UNAVAILABLE' })
})

t.test('many migrate at once', async (t) => {
  const stores = await Promise.all(Array.from({ length: 4 }, () => openServerStore({ url: server.url(), logger })))
  t.teardown(() => Promise.all(stores.map((store) => store.close())))
  await Promise.all(stores.map((store) => store.migrate()))
  t.same(
    await stores[0].query(
      'SELECT version, count()::UInt32 AS times FROM gatepost.schema_migrations GROUP BY version ORDER BY version',
    ),
    loadMigrations().map(({ version }) => ({ version, times: 1 })),
  )
  t.same(await stores[0].query(`SELECT name FROM system.tables WHERE database = 'gatepost' AND name LIKE '%lock'`), [])
})

t.test('more batches than a statement may name, and compressed bodies', async (t) => {
  const store = await openServerStore({ url: server.url(), logger, compress: true })
  t.teardown(() => store.close())
  await store.migrate()
  const now = Date.now() - 60_000
  const batches = Array.from({ length: MAX_BATCHES_PER_INSERT + 10 }, () => makeBatch('post_auth', now, repeated(1)))
  const whole = { rows: batches.length, alreadyPresent: 0 }
  t.same(await store.insertOnce('post_auth', batches), whole)
  t.same(await store.insertOnce('post_auth', batches), { rows: 0, alreadyPresent: batches.length })
})

t.test('retention is applied', async (t) => {
  const store = await openServerStore({ url: server.url(), logger, retentionDays: 7 })
  t.teardown(() => store.close())
  await store.migrate()
  const [{ engine_full }] = await store.query<{ engine_full: string }>(
    `SELECT engine_full FROM system.tables WHERE database = 'gatepost' AND name = 'post_auth'`,
  )
  t.match(engine_full, /toIntervalDay\(7\)/)
})

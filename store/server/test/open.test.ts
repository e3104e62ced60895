import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { GatepostError } from '../../../common/errors.ts'
import { createLogger } from '../../../common/logger.ts'
import { StoreServer } from '../../../test/helpers/store-server.ts'
import { loadMigrations } from '../../migrations.ts'
import { makeBatch, repeated } from '../../../schemas/test/records.ts'
import { MAX_BATCHES_PER_INSERT } from '../inserter.ts'
import { openServerStore } from '../open.ts'
import { REQUIRED_SETTINGS } from '../settings.ts'
import { retentionOf } from '../../retention.ts'

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

t.test('a wrong URL or password is reported without showing the password', async (t) => {
  const cases: [string, string, RegExp][] = [
    [server.url().replace('/gatepost', '/other'), 'CONFIG_INVALID', /GATEPOST_CLICKHOUSE_URL names the database other/],
    [server.url().replace('http:', 'ftp:'), 'CONFIG_INVALID', /http:\/\//],
    [`${server.url()}?async_insert=1`, 'CONFIG_INVALID', /settings are not taken/],
    [`http://admin:${PASSWORD} @[`, 'CONFIG_INVALID', /is not a URL/],
    [server.url().replace(PASSWORD, `${PASSWORD}%`), 'CONFIG_INVALID', /GATEPOST_CLICKHOUSE_URL has a % .* %25/],
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

/** A server that gives the same answer to every statement. */
async function answering(status: number, code: string | null, body: string): Promise<string> {
  const fake: Server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, code === null ? {} : { 'X-ClickHouse-Exception-Code': code }).end(body)
  })
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve))
  t.teardown(() => fake.close())
  return `http://u:p@127.0.0.1:${(fake.address() as AddressInfo).port}/gatepost`
}

t.test('missing rights and settings of the server are reported', async (t) => {
  const refusal = (code: number, text: string, name: string) =>
    answering(500, String(code), `Code: ${code}. DB::Exception: ${text} (${name}) (version 26.7.2.1)\n`)
  t.match(await opening(await refusal(497, 'u: Not enough privileges.', 'ACCESS_DENIED')), {
    code: 'CONFIG_INVALID',
    message: /lacks a right: GRANT SELECT, INSERT, .* ON gatepost.\* TO u/,
  })
  // A profile with readonly = 1: the settings of the first statement are refused.
  t.match(
    await opening(await refusal(164, "Cannot modify 'max_execution_time' setting in readonly mode.", 'READONLY')),
    {
      code: 'CONFIG_INVALID',
      message:
        /user u of .*, named by GATEPOST_CLICKHOUSE_URL, may only read.* readonly .*GRANT SELECT, INSERT.* \(164: Cannot/,
    },
  )
  t.match(await opening(await refusal(81, 'Database gatepost does not exist', 'UNKNOWN_DATABASE')), {
    code: 'CONFIG_INVALID',
    message: /CREATE DATABASE gatepost/,
  })
  const known = REQUIRED_SETTINGS.slice(1).map((name) => JSON.stringify({ name }))
  t.match(await opening(await answering(200, null, `${known.join('\n')}\n`)), {
    code: 'CONFIG_INVALID',
    message: new RegExp(`depend on: ${REQUIRED_SETTINGS[0]};`),
  })
  t.match(await opening(await answering(502, null, 'Bad Gateway')), {
    code: 'STORE_UNAVAILABLE',
    message: /Bad Gateway/,
  })
  t.match(await opening(await answering(502, null, '')), { code: 'STORE_UNAVAILABLE', message: /without a text/ })
})

/** A proxy of the server: answers matching statements with an exception, and forwards all others. */
async function refusing(pattern: RegExp, code: number, text: string): Promise<string> {
  const proxy = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const body = Buffer.concat(parts)
      const given = new URL(request.url ?? '/', 'http://proxy').searchParams.get('query')
      if (pattern.test(given ?? body.toString('latin1'))) {
        response.writeHead(500, { 'X-ClickHouse-Exception-Code': String(code) }).end(`Code: ${code}. ${text}\n`)
        return
      }
      const { method, headers, url } = request
      const onward = httpRequest({ host: '127.0.0.1', port: server.port, path: url, method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      })
      onward.end(body)
    })()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  return server.url((proxy.address() as AddressInfo).port)
}

t.test('several processes migrate at once', async (t) => {
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

t.test('a user without write access is reported at the migration, even if the tables exist', async (t) => {
  const migrating = async (url: string) => {
    const store = await openServerStore({ url, logger })
    t.teardown(() => store.close())
    return await failureOf(store.migrate())
  }
  const readOnly = await refusing(
    /^\s*(INSERT|CREATE|ALTER)/,
    164,
    'DB::Exception: admin: Cannot execute query in readonly mode. (READONLY) (version 26.7.2.1)',
  )
  const told = { code: 'CONFIG_INVALID', message: /GATEPOST_CLICKHOUSE_URL, may only read.*GRANT SELECT, INSERT/ }
  t.match(await migrating(readOnly), told, 'no tables')
  const store = await openServerStore({ url: server.url(), logger })
  t.teardown(() => store.close())
  await store.migrate()
  t.match(await migrating(readOnly), told, 'tables')
  const missing = 'CREATE TEMPORARY TABLE ON *.*'
  const noInput = await refusing(
    /\binput\(/,
    497,
    `DB::Exception: admin: Not enough privileges. To execute this query, it's necessary to have the grant ${missing}. (ACCESS_DENIED) (version 26.7.2.1)`,
  )
  t.match(await migrating(noInput), {
    code: 'CONFIG_INVALID',
    message: /lacks a right: GRANT SELECT, INSERT, .*; GRANT SELECT ON system\.processes TO admin \(497/,
  })
})

t.test('more batches than one statement may name, and compressed bodies', async (t) => {
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
  const store = await openServerStore({ url: server.url(), logger, retention: retentionOf(7) })
  t.teardown(() => store.close())
  await store.migrate()
  const [{ engine_full }] = await store.query<{ engine_full: string }>(
    `SELECT engine_full FROM system.tables WHERE database = 'gatepost' AND name = 'post_auth'`,
  )
  t.match(engine_full, /toIntervalDay\(7\)/)
})

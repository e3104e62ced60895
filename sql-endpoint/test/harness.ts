import type { Session } from 'chdb'
import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openEngine } from '../../store/embedded/access-control.ts'
import { engineRoles, startSqlEndpoint, type NamedReader, type SqlEndpoint, type SqlEndpointOptions } from '../index.ts'

export const ADMIN = { authorization: `Basic ${Buffer.from('admin:adm').toString('base64')}` }

export interface Harness {
  readonly endpoint: SqlEndpoint
  readonly url: string
  /** A directory of the test, beside the engine's. */
  readonly scratch: string
  /** The content of the tables, read directly from the engine. */
  readonly direct: Session
  close(): Promise<void>
}

/**
 * The real engine with a table `gatepost.readings` of ten rows, and an endpoint on it.
 * @param tables statements that make further tables, before the endpoint starts
 */
export async function startHarness(
  options: Partial<SqlEndpointOptions> = {},
  tables: readonly string[] = [],
): Promise<Harness> {
  const scratch = mkdtempSync(join(tmpdir(), 'gatepost-sql-test-'))
  const dataPath = join(scratch, 'store')
  const direct = openEngine(dataPath, engineRoles(options.readers, options.limits))
  await direct.queryAsync('CREATE DATABASE gatepost')
  await direct.queryAsync('CREATE TABLE gatepost.readings (id UInt64, name String) ENGINE = MergeTree ORDER BY id')
  await direct.queryAsync(`INSERT INTO gatepost.readings SELECT number, concat('n', toString(number)) FROM numbers(10)`)
  await direct.queryAsync('CREATE TABLE default.private (secret String) ENGINE = MergeTree ORDER BY secret')
  for (const statement of tables) await direct.queryAsync(statement)
  const endpoint = await startSqlEndpoint({
    dataPath,
    host: '127.0.0.1',
    port: 0,
    adminPassword: 'adm',
    operatorKey: 'operator-key',
    logger: pino({ level: 'silent' }),
    ...options,
  })
  return {
    endpoint,
    url: `http://127.0.0.1:${endpoint.port}`,
    scratch,
    direct,
    close: async () => {
      await endpoint.close()
      direct.close()
      await rm(scratch, { recursive: true, force: true })
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** The body ended where its framing says. */
  readonly complete: boolean
}

/** One request with nothing added or hidden. */
export function send(
  url: string,
  options: {
    readonly method?: string
    readonly params?: Record<string, string>
    readonly headers?: Record<string, string>
    readonly body?: string | Buffer
  } = {},
): Promise<Answer> {
  const target = new URL(url)
  for (const [name, value] of Object.entries(options.params ?? {})) target.searchParams.set(name, value)
  const method = options.method ?? (options.body === undefined ? 'GET' : 'POST')
  return new Promise((resolve, reject) => {
    const req = httpRequest(target, { method, headers: options.headers ?? {}, agent: false }, (res) => {
      const parts: Buffer[] = []
      const done = (): void => {
        const body = Buffer.concat(parts)
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body,
          text: body.toString(),
          complete: res.complete,
        })
      }
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('error', () => undefined)
      res.on('close', done)
    })
    req.on('error', reject)
    req.end(options.body)
  })
}

export const query = (url: string, sql: string, params: Record<string, string> = {}): Promise<Answer> =>
  send(url, { body: sql, params })

export const adminQuery = (url: string, sql: string, params: Record<string, string> = {}): Promise<Answer> =>
  send(url, { body: sql, params, headers: ADMIN })

/** A user of GATEPOST_SQL_USERS, whose password is `password of NAME`. */
export const namedReader = (name: string, more: Partial<NamedReader> = {}): NamedReader => ({
  name,
  passwordSha256: createHash('sha256').update(loginOf(name).password).digest('hex'),
  shown: null,
  hidden: [],
  limits: {},
  ...more,
})

/** The parameters by which that user logs in. */
export const loginOf = (name: string) => ({ user: name, password: `password of ${name}` })

/** Asks as that user. */
export const asReader =
  (url: string, name: string) =>
  (sql: string, params: Record<string, string> = {}): Promise<Answer> =>
    query(url, sql, { ...loginOf(name), ...params })

import type { IncomingMessage } from 'node:http'
import * as zlib from 'node:zlib'
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { SqlError } from './errors.ts'
import { DEFAULT_INTERVAL_MS } from './progress.ts'
import { DATABASE } from './options.ts'
import { sessionRequestOf, type SessionRequest } from './sessions/session-request.ts'

/** The parts of a request besides its query. */
export interface SqlRequest {
  readonly params: URLSearchParams
  /** Values of {name:Type}, by name. */
  readonly queryParams: ReadonlyMap<string, string>
  /** Parameters that are settings, in order. */
  readonly settings: ReadonlyMap<string, string>
  readonly queryId: string
  readonly defaultFormat: string
  /** Whether to answer with ClickHouse's native framing. */
  readonly framed: boolean
  /** Whether to answer only once the whole result is known. */
  readonly waitForEnd: boolean
  /** Milliseconds between two X-ClickHouse-Progress; null: the client wants none. */
  readonly progressMs: number | null
  /** HTTP content coding of the answer; null: none. */
  readonly coding: Coding | null
  readonly session: SessionRequest | null
  /** The client's protocol revision for format Native; 0: as in files. */
  readonly nativeRevision: number
}

export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd'

/** Parameters that are not settings. */
const OWN = new Set(
  `query database default_format query_id user password session_id session_check session_timeout quota_key role
  compress decompress enable_http_compression wait_end_of_query client_protocol_version close_session stacktrace
  external_tables`.split(/\s+/),
)
const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/**
 * @param ofTables names of parameters that are about external tables
 * @throws SqlError BAD_ARGUMENTS, UNKNOWN_DATABASE, and those of a session
 */
export function readRequest(
  req: IncomingMessage,
  params: URLSearchParams,
  ofTables: ReadonlySet<string> = new Set(),
): SqlRequest {
  const queryParams = new Map<string, string>()
  const settings = new Map<string, string>()
  for (const [name, value] of params) {
    if (name.includes('\0') || value.includes('\0')) throw new SqlError('BAD_ARGUMENTS', 'A parameter holds a NUL byte')
    if (name.startsWith('param_')) {
      const bare = name.slice('param_'.length)
      if (!PARAMETER_NAME.test(bare))
        throw new SqlError('BAD_ARGUMENTS', `Parameter name ${JSON.stringify(bare)} is not allowed`)
      queryParams.set(bare, value)
    } else if (!OWN.has(name) && !ofTables.has(name)) settings.set(name, value)
  }
  const header = (name: string): string | undefined => {
    const value = req.headers[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const database = params.get('database') ?? header('x-clickhouse-database') ?? ''
  // Clients send "default" when no database is configured.
  if (!['', 'default', DATABASE].includes(database)) {
    throw new SqlError('UNKNOWN_DATABASE', `Database ${database} does not exist`)
  }
  const queryId = params.get('query_id') ?? header('x-clickhouse-query-id') ?? ''
  return {
    params,
    queryParams,
    settings,
    queryId: /^[\x21-\x7e]{1,200}$/.test(queryId) ? queryId : randomUUID(),
    defaultFormat: header('x-clickhouse-format') ?? params.get('default_format') ?? 'TabSeparated',
    framed: isOn(params.get('compress')),
    waitForEnd: isOn(params.get('wait_end_of_query')),
    progressMs: isOn(params.get('send_progress_in_http_headers')) ? progressInterval(params) : null,
    coding: isOn(params.get('enable_http_compression')) ? codingOf(header('accept-encoding') ?? '') : null,
    session: sessionRequestOf(params),
    nativeRevision: Number(/^\d{1,6}$/.exec(params.get('client_protocol_version') ?? '')?.[0] ?? 0),
  }
}

function progressInterval(params: URLSearchParams): number {
  const given = params.get('http_headers_progress_interval_ms')
  return given !== null && /^\d{1,9}$/.test(given) ? Number(given) : DEFAULT_INTERVAL_MS
}

export function isOn(value: string | null): boolean {
  return value === '1' || value === 'true'
}

/** Available in Node.js since 22.15. */
const createZstdCompress = (zlib as { createZstdCompress?: () => Duplex }).createZstdCompress

function codingOf(accepted: string): Coding | null {
  const names = accepted
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => !/;\s*q=0(\.0*)?$/.test(part))
    .map((part) => part.split(';')[0])
  if (names.includes('gzip')) return 'gzip'
  if (names.includes('zstd') && createZstdCompress !== undefined) return 'zstd'
  if (names.includes('br')) return 'br'
  if (names.includes('deflate')) return 'deflate'
  return null
}

export function encoder(coding: Coding): Duplex {
  switch (coding) {
    case 'gzip':
      return zlib.createGzip({ level: 3 })
    case 'deflate':
      return zlib.createDeflate({ level: 3 })
    case 'br':
      return zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } })
    case 'zstd':
      if (createZstdCompress === undefined) throw new SqlError('NOT_IMPLEMENTED', 'zstd needs a newer Node.js')
      return createZstdCompress()
  }
}

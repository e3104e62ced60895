import { totalmem } from 'node:os'
import type { AuditEntry } from '../store/audit-log.ts'
import type { QueryLogEntry } from '../store/query-log.ts'
import type { Logger } from '../common/logger.ts'
import type { NamedReader } from './named-reader.ts'

/** Limits of the endpoint. A query may set lower ones. */
export interface SqlLimits {
  /**
   * A query that the engine has not ended so many seconds after its limit is reported to `onOverdue`: the engine checks the limit between
   * blocks of rows only, and cannot be interrupted. Default 10.
   */
  readonly overdueSeconds: number
  /** Maximum seconds of a reading query. Default 60. */
  readonly maxExecutionSeconds: number
  /** Maximum seconds of a writing statement of `admin` or `operator`. Default 600. */
  readonly maxWriteSeconds: number
  /** Maximum memory of a query in the engine, in bytes. Default 2 GiB, and at most a share of half of the machine's memory. */
  readonly maxMemoryBytes: number
  /** Maximum bytes of a result: of its blocks in the engine, and of its text before compression. Default 256 MiB. */
  readonly maxResultBytes: number
  /** Concurrent reading queries. Default 4; each uses a thread of libuv's pool while it runs. */
  readonly readConnections: number
  /** Concurrent writing statements. Default 1. */
  readonly writeConnections: number
  /** Requests queued for a connection of either kind; further ones are refused with code 202. Default 32. */
  readonly maxQueued: number
  /** Seconds that a request waits for a connection; then it is refused with code 202. Default 20. */
  readonly maxQueuedSeconds: number
  /** Maximum bytes of a query's text. Default 256 KiB, like ClickHouse's max_query_size. */
  readonly maxQueryBytes: number
  /** Maximum bytes of an INSERT's decompressed data, which is kept in a temporary file. Default 256 MiB. */
  readonly maxInsertBytes: number
  /** Maximum TCP connections. Default 256. */
  readonly maxSockets: number
  /** Of them those of one IPv4 address or one /64 of IPv6; a trusted proxy has no such limit. Default 64. */
  readonly maxSocketsPerAddress: number
  /** Sessions of all users. Default 500. */
  readonly maxSessions: number
  /** Default 250. */
  readonly maxSessionsOfUser: number
  /** Sessions with temporary tables, each of which has a connection. Default 16. */
  readonly maxTableSessions: number
  /** Default 8. */
  readonly maxTableSessionsOfUser: number
  /** Maximum bytes of a session's temporary tables, in memory. Default 128 MiB, and at most a 64th of the machine's memory. */
  readonly maxSessionTableBytes: number
  /** Maximum bytes of all temporary tables, in memory. Default 512 MiB, and at most a 16th of the machine's memory. */
  readonly maxTableBytes: number
  /** Maximum bytes that a request sends for temporary and external tables. Default 64 MiB. */
  readonly maxReaderDataBytes: number
  /** The same of all requests that run. Default 512 MiB. */
  readonly maxAllReaderDataBytes: number
}

/** A sixteenth of the memory at most: it is used for as long as sessions last. */
const TABLE_BYTES = Math.floor(Math.min(512 * 1024 ** 2, totalmem() / 16))
const READ_CONNECTIONS = 4
const WRITE_CONNECTIONS = 1

/** All queries together get half of the memory that this process may use. */
function memoryOfQuery(): number {
  // What a container may use; on other machines it is undefined, 0, or more than there is.
  const constrained = process.constrainedMemory() || Infinity
  const share = Math.min(totalmem(), constrained) / 2 / (READ_CONNECTIONS + WRITE_CONNECTIONS)
  return Math.floor(Math.min(2 * 1024 ** 3, share))
}

export const DEFAULT_LIMITS: SqlLimits = {
  overdueSeconds: 10,
  maxExecutionSeconds: 60,
  maxWriteSeconds: 600,
  maxMemoryBytes: memoryOfQuery(),
  maxResultBytes: 256 * 1024 ** 2,
  readConnections: READ_CONNECTIONS,
  writeConnections: WRITE_CONNECTIONS,
  maxQueued: 32,
  maxQueuedSeconds: 20,
  maxQueryBytes: 256 * 1024,
  maxInsertBytes: 256 * 1024 ** 2,
  maxSockets: 256,
  maxSocketsPerAddress: 64,
  maxSessions: 500,
  maxSessionsOfUser: 250,
  maxTableSessions: 16,
  maxTableSessionsOfUser: 8,
  maxSessionTableBytes: Math.floor(TABLE_BYTES / 4),
  maxTableBytes: TABLE_BYTES,
  maxReaderDataBytes: 64 * 1024 ** 2,
  maxAllReaderDataBytes: 512 * 1024 ** 2,
}

/** Requests of `operator` for paths below /operator/: JSON in, JSON out. Null: there is no such path. */
export type Operations = (method: string, path: string, body: unknown) => Promise<object | null>

export interface SqlEndpointOptions {
  /** The chDB directory. Sessions of one path share one engine in a process; the endpoint opens its own. */
  readonly dataPath: string
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Password of `default`, the reading user. Unset: no password needed. */
  readonly password?: string
  /** Password of `admin`, who may also write and change tables of database gatepost. Unset: the user does not exist. */
  readonly adminPassword?: string
  /** Other users who read. Their roles have to be known to the engine: see engineRoles(). Default: none. */
  readonly readers?: readonly NamedReader[]
  /** Password of the internal user `operator`, with the rights of `admin`: used by commands on the same machine. */
  readonly operatorKey?: string
  /**
   * Gives `admin` what a store needs from a ClickHouse server, as `operator` always has: the procedure's settings, input(), the tables of
   * settings, processes and parts, and expressions in VALUES. For tests, which have no such server. Default false.
   */
  readonly actsAsServer?: boolean
  /** Host names under which the endpoint may be reached, besides localhost, loopback addresses and the bound address. */
  readonly allowedHosts?: readonly string[]
  /** Addresses and CIDR blocks whose X-Forwarded-For is trusted. Default: none. */
  readonly trustedProxies?: readonly string[]
  readonly limits?: Partial<SqlLimits>
  /** What `operator` may ask for beside SQL. Default: nothing. */
  readonly operations?: Operations
  /** The engine does not end a query: whoever owns this process has to replace it. Default: it goes on. */
  readonly onOverdue?: (reason: string) => void
  /** Records who asked what, and wrong passwords. Default: nothing is recorded. */
  readonly audit?: (entry: AuditEntry) => void
  /** Takes a row of each query that ran. Default: none is kept. */
  readonly queryLog?: (entry: QueryLogEntry) => void
  readonly logger: Logger
}

/** The role that a connection takes in addition if it may have temporary tables. */
export const TEMPORARY_TABLES = 'sql_temporary_tables'

/** The only database that the endpoint serves. */
export const DATABASE = 'gatepost'

import type { Logger } from '../common/logger.ts'

/** The bounds of the endpoint. A query may ask for less, never for more. */
export interface SqlLimits {
  /** Seconds a reading query may run. Default 60. */
  readonly maxExecutionSeconds: number
  /** Seconds a statement of `admin` or `operator` that writes may run. Default 600. */
  readonly maxWriteSeconds: number
  /** Bytes of memory one query may use in the engine. Default 2 GiB. */
  readonly maxMemoryBytes: number
  /** Bytes of one result: of its blocks in the engine, and of its text as sent, before compression. Default 256 MiB. */
  readonly maxResultBytes: number
  /** Queries that read at the same time. Default 4; each holds a thread of libuv's pool while it runs. */
  readonly readConnections: number
  /** Statements that write at the same time. Default 1. */
  readonly writeConnections: number
  /** Requests that wait for a connection, of either kind; one more is refused with code 202. Default 32. */
  readonly maxQueued: number
  /** Bytes of the text of a query. Default 256 KiB, as ClickHouse's max_query_size. */
  readonly maxQueryBytes: number
  /** Bytes of an INSERT's data after decompression; kept in a temporary file, not in memory. Default 256 MiB. */
  readonly maxInsertBytes: number
  /** TCP connections. Default 256. */
  readonly maxSockets: number
}

export const DEFAULT_LIMITS: SqlLimits = {
  maxExecutionSeconds: 60,
  maxWriteSeconds: 600,
  maxMemoryBytes: 2 * 1024 ** 3,
  maxResultBytes: 256 * 1024 ** 2,
  readConnections: 4,
  writeConnections: 1,
  maxQueued: 32,
  maxQueryBytes: 256 * 1024,
  maxInsertBytes: 256 * 1024 ** 2,
  maxSockets: 256,
}

export interface SqlEndpointOptions {
  /** The chDB directory. Sessions of one path share one engine in a process; the endpoint opens its own. */
  readonly dataPath: string
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Password of `default`, the user who reads. Unset: none is needed. */
  readonly password?: string
  /** Password of `admin`, who may also write and change tables of database gatepost. Unset: there is no such user. */
  readonly adminPassword?: string
  /** Password of the internal user `operator`, with the rights of `admin`: the command line on the same machine. */
  readonly operatorKey?: string
  /**
   * User `admin` has what a store on a ClickHouse server needs, as `operator` always has: the procedure's settings, input(),
   * the tables of settings, processes and parts; and expressions in VALUES. For tests, which have no such server. Default false.
   */
  readonly actsAsServer?: boolean
  /** Host names by which the endpoint may be addressed, beyond localhost, loopback addresses and the bound address. */
  readonly allowedHosts?: readonly string[]
  readonly limits?: Partial<SqlLimits>
  readonly logger: Logger
}

/** The only database that the endpoint serves. */
export const DATABASE = 'gatepost'

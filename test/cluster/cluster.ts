/** The servers and Keepers of deploy/clickhouse, by the names of their services. Gatepost uses the first server. */
export const SERVERS = ['clickhouse-1-1', 'clickhouse-1-2', 'clickhouse-2-1', 'clickhouse-2-2'] as const
export const KEEPERS = ['keeper-1', 'keeper-2', 'keeper-3'] as const

export type Service = (typeof SERVERS)[number] | (typeof KEEPERS)[number]

/** A cluster that can be broken. */
export interface Cluster {
  /** The value for GATEPOST_CLICKHOUSE_URL: the first server. */
  readonly url: string
  /** SIGKILL. */
  kill(service: Service): Promise<void>
  /** Starts what was killed. Does not wait until it answers. */
  start(service: Service): Promise<void>
  /** The processes stop, and their connections stay. */
  pause(service: Service): Promise<void>
  unpause(service: Service): Promise<void>
}

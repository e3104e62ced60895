import type { StatementSummary } from './guard/summary.ts'
import type { Client } from './login.ts'
import type { SqlEndpointOptions } from './options.ts'
import type { QueryOutcome } from './query-context.ts'

/** What is recorded of users' statements. */
export class Records {
  readonly #options: Pick<SqlEndpointOptions, 'audit' | 'queryLog'>

  constructor(options: Pick<SqlEndpointOptions, 'audit' | 'queryLog'>) {
    this.#options = options
  }

  /** Who asked what, without its literals. */
  statement(client: Client | null, action: 'sql_query' | 'sql_refused', statement: StatementSummary | null): void {
    if (client === null) return
    const subject = statement === null ? '' : [statement.kind, ...statement.tables].join(' ')
    this.#options.audit?.({ who: `sql:${client.user}`, action, subject, remoteIp: client.address })
  }

  /** Of a statement that failed the text is not kept: its names may be anything. */
  query(
    { user, address }: Client,
    { statement, shape, rows }: QueryOutcome,
    code: number,
    bytes: number,
    ms: number,
  ): void {
    this.#options.queryLog?.({
      user,
      remote_ip: address,
      kind: statement?.kind ?? '',
      tables: statement?.tables ?? [],
      query: code === 0 ? shape : '',
      exception_code: code,
      result_rows: rows,
      result_bytes: bytes,
      elapsed_ms: Math.round(ms),
    })
  }
}

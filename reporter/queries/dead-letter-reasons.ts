import type { TableStore } from '../../store/table-store.ts'

export interface DeadLetterReason {
  readonly source: string
  readonly reason: string
  readonly letters: number
  readonly latest: string
}

/** Of the last seven days, the most frequent first. */
export function deadLetterReasons(store: TableStore): Promise<DeadLetterReason[]> {
  return store.query<DeadLetterReason>(
    `SELECT source, reason, toUInt32(count()) AS letters, toString(max(received_at)) AS latest
     FROM gatepost.dead_letters WHERE received_at >= now() - INTERVAL 7 DAY
     GROUP BY source, reason ORDER BY letters DESC, source, reason LIMIT 50`,
  )
}

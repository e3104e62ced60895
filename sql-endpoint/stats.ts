import type { ConnectionRefusals } from '../common/connection-gate.ts'

/** Why a request was refused before anything ran. `guesses`: its address sent too many wrong passwords. */
export type Refusal = 'host' | 'password' | 'guesses' | 'busy' | 'guard' | 'request'

/** Plain counters since the start. */
export interface SqlStats {
  readonly completed: number
  readonly failed: number
  readonly abandoned: number
  /** Of the abandoned: clients that read their result slowly, and lost their slot to others. */
  readonly slow: number
  /** Queries that the engine had not ended some time after their limit. */
  readonly overdue: number
  readonly refused: Readonly<Record<Refusal, number>>
  readonly active: number
  readonly queued: number
  readonly rowsRead: number
  readonly bytesSent: number
  readonly connectionsRefused: ConnectionRefusals
}

export class Counters {
  completed = 0
  failed = 0
  /** The client disconnected before its answer was complete. */
  abandoned = 0
  slow = 0
  overdue = 0
  rowsRead = 0
  bytesSent = 0
  readonly refused: Record<Refusal, number> = { host: 0, password: 0, guesses: 0, busy: 0, guard: 0, request: 0 }
}

/** One report of a session, as gateway_auth has it. */
export interface Report {
  /** ms since the epoch. */
  readonly at: number
  readonly stage: 'login' | 'counters' | 'logout'
  readonly incoming: bigint | null
  readonly outgoing: bigint | null
  /** Seconds that the client is connected; null: not sent. */
  readonly online: number | null
  /** The dialect's counters have 32 bits. */
  readonly narrow: boolean
}

const STAGES = ['login', 'counters', 'logout']
const WRAP = 2n ** 32n

function compare(a: bigint | number, b: bigint | number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** received_at, then login < counters < logout, then the values. */
export function inOrder(reports: readonly Report[]): Report[] {
  return [...reports].sort(
    (a, b) =>
      compare(a.at, b.at) ||
      compare(STAGES.indexOf(a.stage), STAGES.indexOf(b.stage)) ||
      compare(a.incoming ?? 0n, b.incoming ?? 0n) ||
      compare(a.outgoing ?? 0n, b.outgoing ?? 0n),
  )
}

/** The rule for bytes, written as docs/sessions.md states it: one report after the other. */
export function plainBytes(reports: readonly Report[], direction: 'incoming' | 'outgoing'): bigint {
  let total = 0n
  let last = 0n
  let loggedIn = false
  let online: number | null = null
  for (const report of inOrder(reports)) {
    if (report.stage === 'login') loggedIn = true
    const value = report[direction]
    if (value === null || (report.stage !== 'counters' && value === 0n)) continue
    const restarted = loggedIn || (report.online !== null && online !== null && report.online < online)
    const wrapped = report.narrow && report.stage === 'counters' && last < WRAP && last - value > WRAP / 2n
    if (value >= last) total += value - last
    else if (restarted) total += value
    else if (wrapped) total += value + WRAP - last
    else continue
    last = value
    loggedIn = false
    online = report.online
  }
  return total
}

/** One report of a session, as gateway_auth has it. */
export interface Report {
  /** ms since the epoch. */
  readonly at: number
  readonly stage: 'login' | 'counters' | 'logout'
  readonly incoming: bigint | null
  readonly outgoing: bigint | null
  /** The same of IPv6. */
  readonly incoming6: bigint | null
  readonly outgoing6: bigint | null
  /** Seconds that the client is connected; null: not sent. */
  readonly online: number | null
  /** The dialect's counters have 32 bits. */
  readonly narrow: boolean
}

/** The counters of a report. */
export type Counter = 'incoming' | 'outgoing' | 'incoming6' | 'outgoing6'

const STAGES = ['login', 'counters', 'logout']
const WRAP = 2n ** 32n
/** So many reports that rise from below the last accepted value show that the counter was reset. */
const RISING = 3

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
      compare(a.outgoing ?? 0n, b.outgoing ?? 0n) ||
      compare(a.incoming6 ?? 0n, b.incoming6 ?? 0n) ||
      compare(a.outgoing6 ?? 0n, b.outgoing6 ?? 0n) ||
      compare(a.online ?? -1, b.online ?? -1),
  )
}

/** The rule for bytes, written as docs/sessions.md states it: one report after the other. */
export function plainBytes(reports: readonly Report[], counter: Counter): bigint {
  let total = 0n
  let last = 0n
  let loggedIn = false
  let online: number | null = null
  /** Values that are lower than the last accepted one, each higher than the one before. */
  let rising: bigint[] = []
  for (const report of inOrder(reports)) {
    if (report.stage === 'login') loggedIn = true
    const value = report[counter]
    if (value === null || (report.stage !== 'counters' && value === 0n)) continue
    const hasTimes = report.online !== null && online !== null
    const went = hasTimes ? compare(report.online, online as number) : 0
    const wrapped = report.narrow && report.stage === 'counters' && last < WRAP && last - value > WRAP / 2n
    if (value >= last) total += value - last
    else if (loggedIn || went < 0) total += value
    else if (wrapped) total += value + WRAP - last
    else if (went > 0) total += value
    else {
      if (hasTimes || value === rising.at(-1)) continue
      rising = value > (rising.at(-1) ?? 0n) && rising.length > 0 ? [...rising, value] : [value]
      if (rising.length < RISING) continue
      // The first of them is counted from zero, the others from the one before.
      total += value
    }
    last = value
    loggedIn = false
    online = report.online
    rising = []
  }
  return total
}

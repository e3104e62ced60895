/** A report of a session and how it was answered. */
export interface Answered {
  /** ms since the epoch. */
  readonly at: number
  readonly stage: 'login' | 'counters' | 'logout'
  readonly code: number
}

/** Everything that the state of a session depends on. */
export interface Life {
  readonly reports: readonly Answered[]
  /** Logins of other sessions of the same client that were accepted. */
  readonly rivals: readonly number[]
  /** Heartbeats that show that the gateway's program restarted. */
  readonly restarts: readonly number[]
  /** Null: another system issued the token. */
  readonly token: { readonly useBy: number; readonly ends: number } | null
  /** Three intervals of the gateway's heartbeats, ms. */
  readonly timeoutMs: number
}

export interface State {
  readonly state: string
  readonly ended: number | null
  readonly reason: string | null
}

/** The rule for states, written as docs/sessions.md states it: the session ended with the first event after its last accepted report. */
export function plainState({ reports, rivals, restarts, token, timeoutMs }: Life, now: number): State {
  const accepts = ({ stage, code }: Answered) => stage !== 'logout' && (code === 1 || code === 5)
  const denies = ({ stage, code }: Answered) => stage !== 'logout' && (code === 0 || code === 6)
  const latest = (of: readonly Answered[]) => Math.max(-Infinity, ...of.map(({ at }) => at))
  const ok = latest(reports.filter(accepts))
  const used = ok > -Infinity
  const login = latest(reports.filter((each) => accepts(each) && each.stage === 'login'))
  const sendsCounters = reports.some(({ stage }) => stage === 'counters')
  const events: { at: number; state: string; reason: string }[] = []
  const add = (state: string, times: readonly number[], reason = state) =>
    events.push(...times.map((at) => ({ at, state, reason })))
  const logouts = reports.filter(({ stage }) => stage === 'logout').map(({ at }) => at)
  add('logged_out', logouts)
  const reasonOf = ({ at, code }: Answered) => {
    if (token !== null && at >= token.ends) return 'session_limit'
    return code === 6 ? 'not_confirmed' : 'denied'
  }
  for (const each of reports) {
    // A token that was used may be shown again: that its login is denied is no end.
    const isEnd = denies(each) && each.at > ok && (each.stage === 'counters' || !used)
    if (isEnd) add('denied', [each.at], reasonOf(each))
  }
  if (token !== null && !used && now > token.useBy) add('expired', [token.useBy])
  if (login > -Infinity)
    add(
      'superseded',
      rivals.filter((at) => at > ok),
    )
  if (used)
    add(
      'gateway_restarted',
      restarts.filter((at) => at > ok),
    )
  if (token !== null && now > token.ends) add('session_limit', [token.ends])
  const isTold = events.some(({ state }) => state === 'logged_out' || state === 'denied')
  if (used && sendsCounters && !isTold && now > ok + timeoutMs) add('timed_out', [ok + timeoutMs])
  // Sorting is stable: of two events at one time the first that was added wins.
  const [end] = events.sort((a, b) => a.at - b.at)
  if (end !== undefined) return { state: end.state, ended: end.at, reason: end.reason }
  const answers = reports.filter(({ stage }) => stage !== 'logout').sort((a, b) => a.at - b.at)
  const state = !used ? 'issued' : answers.at(-1)?.code === 5 ? 'validating' : 'active'
  return { state, ended: null, reason: null }
}

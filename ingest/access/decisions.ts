import { createHmac } from 'node:crypto'
import type { Verdict } from '../encode/auth.ts'

/*
 * What a gateway is told of a token (WiFiDog protocol, "auth"): 0 denied, 1 allowed, 5 validation, 6 validation failed,
 * -1 error. Decided from memory. The decision for counters is the same function as for login.
 */

export type AuthMode = 'signed' | 'open'

const ERROR: Verdict = { code: -1, sessionId: '', own: false }
const DENIED: Verdict = { code: 0, sessionId: '', own: false }

/** Sessions whose id is kept; beyond it the longest kept is computed again when it is next needed. */
const MAX_SESSIONS = 100_000

/** What gateways send for "no token". */
const NO_TOKEN = new Set(['', 'null', 'N/A'])

export interface DecisionStats {
  errors: number
}

/** Decides auth requests. `secret` keys the session ids of foreign tokens, so that no token can be found from its id. */
export class Decisions {
  readonly stats: DecisionStats = { errors: 0 }
  readonly #mode: AuthMode
  readonly #secret: string
  /** Token to verdicts of its session, in open mode; insertion order is age. */
  readonly #sessions = new Map<string, { allowed: Verdict; loggedOut: Verdict }>()

  constructor(mode: AuthMode, secret: string) {
    this.#mode = mode
    this.#secret = secret
  }

  /** Never throws: what cannot be decided is -1, which leaves the user as they are. */
  decide(stage: string, token: string): Verdict {
    try {
      if (stage !== 'login' && stage !== 'counters' && stage !== 'logout') return ERROR
      if (NO_TOKEN.has(token)) return DENIED
      // A signed token is one that this installation issued; there is none but those.
      if (this.#mode === 'signed') return DENIED
      const session = this.#session(token)
      return stage === 'logout' ? session.loggedOut : session.allowed
    } catch {
      this.stats.errors++
      return ERROR
    }
  }

  #session(token: string): { allowed: Verdict; loggedOut: Verdict } {
    const known = this.#sessions.get(token)
    if (known !== undefined) return known
    const sessionId = createHmac('sha256', this.#secret).update('session:').update(token).digest('hex').slice(0, 32)
    const session = {
      allowed: { code: 1, sessionId, own: true },
      loggedOut: { code: 0, sessionId, own: true },
    }
    if (this.#sessions.size >= MAX_SESSIONS) {
      for (const oldest of this.#sessions.keys()) {
        this.#sessions.delete(oldest)
        break
      }
    }
    this.#sessions.set(token, session)
    return session
  }
}

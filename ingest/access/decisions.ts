import { createHmac } from 'node:crypto'
import type { AccessLog } from '../../log/access.ts'
import type { Verdict } from '../encode/auth.ts'
import { normalMac } from '../../common/mac.ts'

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

/** Whether gateways ask with this stage. */
export function isStage(stage: string): boolean {
  return stage === 'login' || stage === 'counters' || stage === 'logout'
}

/** What a request says of who asks. */
export interface Asker {
  readonly stage: string
  readonly token: string
  /** As sent. */
  readonly mac: string
  /** Empty if the gateway sent none. */
  readonly gwId: string
}

/** What can be said of one session. */
interface SessionVerdicts {
  readonly allowed: Verdict
  readonly ended: Verdict
  readonly undecided: Verdict
}

/** Decides auth requests. `secret` keys the session ids of foreign tokens, so that no token can be found from its id. */
export class Decisions {
  readonly stats: DecisionStats = { errors: 0 }
  readonly #mode: AuthMode
  readonly #secret: string
  /** What operators decided; null: nothing can be decided in this installation. */
  readonly #access: AccessLog | null
  /** Token to verdicts of its session, in open mode; insertion order is age. */
  readonly #sessions = new Map<string, SessionVerdicts>()

  constructor(mode: AuthMode, secret: string, access: AccessLog | null = null) {
    this.#mode = mode
    this.#secret = secret
    this.#access = access
  }

  /** Never throws: what cannot be decided is -1, which leaves the user as they are. */
  decide(asker: Asker): Verdict {
    const { stage, token } = asker
    try {
      if (!isStage(stage)) return ERROR
      if (NO_TOKEN.has(token)) return DENIED
      // A signed token is one that this installation issued; there is none but those.
      if (this.#mode === 'signed') return DENIED
      const session = this.#session(token)
      if (stage === 'logout') return session.ended
      if (this.#access === null) return session.allowed
      // Not all decisions have been read: who is denied cannot be told. The report is the session's own all the same.
      if (!this.#access.known) {
        this.stats.errors++
        return session.undecided
      }
      return this.#denied(this.#access, asker, session.allowed.sessionId) ? session.ended : session.allowed
    } catch {
      this.stats.errors++
      return ERROR
    }
  }

  #denied(access: AccessLog, { mac: sentMac, gwId }: Asker, sessionId: string): boolean {
    const now = Date.now()
    const mac = normalMac(sentMac)
    return (
      access.get(`session:${sessionId}`, now)?.verdict === 'deny' ||
      (mac !== '' && access.get(`mac:${mac}`, now)?.verdict === 'deny') ||
      (gwId !== '' && access.get(`gateway:${gwId}`, now)?.verdict === 'deny')
    )
  }

  #session(token: string): SessionVerdicts {
    const known = this.#sessions.get(token)
    if (known !== undefined) return known
    const sessionId = createHmac('sha256', this.#secret).update('session:').update(token).digest('hex').slice(0, 32)
    const session = {
      allowed: { code: 1, sessionId, own: true },
      ended: { code: 0, sessionId, own: true },
      undecided: { code: -1, sessionId, own: true },
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

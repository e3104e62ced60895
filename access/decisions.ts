import { createHmac } from 'node:crypto'
import type { AccessEntry, AccessLog } from './log.ts'
import { normalMac } from '../common/mac.ts'
import { OnlineClients, type Seen } from './online.ts'
import { RecentMap } from './recent-map.ts'
import type { GatewayRegistry } from './registry.ts'
import { LOGGED_OUT, NOT_USED_IN_TIME, SUBJECTS } from './subjects.ts'
import { TagIndex } from './tag-index.ts'
import type { Token, Tokens } from './token.ts'

/*
 * Decides what a gateway is told about a token (WiFiDog protocol, "auth"): 0 denied, 1 allowed, 5 validation, 6 validation failed, -1 error.
 * Decides from memory. Counters and logins go through the same function.
 */

export type AuthMode = 'signed' | 'open'

/** How an auth request is answered. */
export interface Verdict {
  /** 0 denied, 1 allowed, 5 validation, 6 validation failed, -1 error. */
  readonly code: number
  /** Empty without a known token. */
  readonly sessionId: string
  /** The token was verified (open mode: is present), and MAC and gw_id match the session's. */
  readonly own: boolean
}

const ERROR: Verdict = { code: -1, sessionId: '', own: false }
const DENIED: Verdict = { code: 0, sessionId: '', own: false }

/** Cached verified tokens, and sessions seen in use. When full, the least recently used entry is evicted. */
const MAX_SESSIONS = 200_000

/** What gateways send when the client has no token. */
const NO_TOKEN = new Set(['', 'null', 'N/A'])

export interface DecisionStats {
  /** Valid requests that were answered -1. */
  errors: number
  /** Ends and first uses of sessions that could not be written to the access log. */
  unwritten: number
}

export interface DecisionOptions {
  readonly mode: AuthMode
  /** Key for the session ids of foreign tokens: without it, a token could be guessed from its session id. */
  readonly secret: string
  readonly tokens: Tokens
  readonly access: AccessLog
  readonly registry: GatewayRegistry
}

/** Whether `stage` is one that gateways use. */
export function isStage(stage: string): boolean {
  return stage === 'login' || stage === 'counters' || stage === 'logout'
}

/** What a request says about the client that asks. */
export interface Asker {
  readonly stage: string
  readonly token: string
  /** As sent. */
  readonly mac: string
  /** Empty if the gateway sent none. */
  readonly gwId: string
  /** Address the request came from. */
  readonly remoteIp: string
}

/** A token that this installation issued, with one preallocated verdict of each kind: the hot path allocates nothing. */
interface Known {
  readonly token: Token
  /** The gw_id that was last found to match the token: computing the keyed tag costs more than the rest of the decision. */
  gwId: string
  /** session:<id> and mac:<its client> */
  readonly sessionSubject: string
  readonly macSubject: string
  readonly verdicts: ReadonlyMap<number, Verdict>
}

/** A token that another system issued. */
interface Foreign {
  readonly verdicts: ReadonlyMap<number, Verdict>
  /** The registered gateway that last named itself with this token, from one of its sources; empty: none. */
  gwId: string
}

/** Decides auth requests. */
export class Decisions {
  readonly stats: DecisionStats = { errors: 0, unwritten: 0 }
  readonly #options: DecisionOptions
  readonly #accounts: TagIndex
  readonly #gateways: TagIndex
  /** Which session each device has at each gateway. */
  readonly online: OnlineClients
  /** Holds valid tokens only, so that guessing tokens evicts nothing. */
  readonly #known = new RecentMap<Known>(MAX_SESSIONS)
  readonly #foreign = new RecentMap<Foreign>(MAX_SESSIONS)
  /** Sessions whose client went online in time, as far as this worker knows; the access log tells the others. */
  readonly #used = new RecentMap<true>(MAX_SESSIONS)
  /** Sessions whose token came too late to this worker. */
  readonly #late = new RecentMap<true>(MAX_SESSIONS)
  /** Sessions that this worker has ended; the access log confirms it a moment later. */
  readonly #ended = new RecentMap<true>(MAX_SESSIONS)

  constructor(options: DecisionOptions) {
    const { tokens, access } = options
    this.#options = options
    this.online = new OnlineClients(access)
    this.#accounts = new TagIndex(access, SUBJECTS.account, (name) => tokens.accountTags(name))
    this.#gateways = new TagIndex(access, SUBJECTS.gateway, (name) => tokens.gatewayTags(name))
  }

  /**
   * Synchronous, except when a token has to be bound to its first client. Never throws or rejects: what cannot be decided is answered -1,
   * which leaves the user online or offline as they are.
   */
  decide(asker: Asker, now = Date.now()): Verdict | Promise<Verdict> {
    try {
      if (!isStage(asker.stage)) return ERROR
      if (NO_TOKEN.has(asker.token)) return DENIED
      return this.#options.mode === 'open' ? this.#decideForeign(asker, now) : this.#decideOwn(asker, now)
    } catch {
      return this.#undecided(ERROR)
    }
  }

  /** Whether the access log has been read to its end. */
  get ready(): boolean {
    return this.#options.access.known
  }

  #undecided(verdict: Verdict): Verdict {
    this.stats.errors++
    return verdict
  }

  /** Another system issues the tokens: every client that is not denied is allowed. */
  #decideForeign(asker: Asker, now: number): Verdict {
    const { access, registry } = this.#options
    const foreign =
      this.#foreign.get(asker.token) ??
      this.#foreign.add(asker.token, { verdicts: this.#foreignVerdicts(asker.token), gwId: '' })
    if (asker.gwId === '') {
      if (foreign.gwId !== '' && !registry.trusts('auth', foreign.gwId, asker.remoteIp)) return ERROR
    } else if (asker.gwId !== foreign.gwId && registry.isProven(asker.gwId, asker.remoteIp)) foreign.gwId = asker.gwId
    const verdict = (code: number) => foreign.verdicts.get(code) as Verdict
    const { sessionId } = verdict(0)
    if (asker.stage === 'logout') return verdict(0)
    // The access log has not been read to its end, so denials may be missing. The report still belongs to the session.
    if (!access.known) return this.#undecided(verdict(-1))
    const mac = normalMac(asker.mac)
    const entry =
      access.get(SUBJECTS.session.of(sessionId), now) ??
      (mac === '' ? undefined : access.get(SUBJECTS.mac.of(mac), now)) ??
      (asker.gwId === '' ? undefined : access.get(SUBJECTS.gateway.of(asker.gwId), now))
    return verdict(entry?.verdict === 'deny' ? 0 : 1)
  }

  #foreignVerdicts(token: string): ReadonlyMap<number, Verdict> {
    const sessionId = createHmac('sha256', this.#options.secret)
      .update('session:')
      .update(token)
      .digest('hex')
      .slice(0, 32)
    return verdictsOf(sessionId)
  }

  /** Tokens of this installation. Any other token is denied: a browser can make a gateway ask for any string. */
  #decideOwn(asker: Asker, now: number): Verdict | Promise<Verdict> {
    const mac = normalMac(asker.mac)
    const known = this.#known.get(asker.token) ?? this.#verified(asker.token, mac)
    if (known === null) return DENIED
    const { token, verdicts } = known
    const { access, tokens, registry } = this.#options
    if (mac === '' || (token.mac !== '' && token.mac !== mac)) return DENIED
    if (asker.gwId !== '' && asker.gwId !== known.gwId) {
      if (!tokens.isOfGateway(token, asker.gwId)) return DENIED
      known.gwId = asker.gwId
    }
    // Leaving gw_id out must not be a way around the sources of the token's gateway.
    if (asker.gwId === '' && !registry.trustsTag(token.gatewayTag, asker.remoteIp)) return ERROR
    if (!access.known) return this.#undecided(token.mac === '' ? ERROR : (verdicts.get(-1) as Verdict))
    if (token.mac !== '') return this.#decideSession(known, asker, mac, now)
    const bound = access.get(SUBJECTS.binding.of(token.sessionId), now)
    if (bound !== undefined) {
      return SUBJECTS.binding.dataOf(bound)?.mac === mac ? this.#decideSession(known, asker, mac, now) : DENIED
    }
    return asker.stage === 'logout' ? DENIED : this.#bind(known, asker, mac, now)
  }

  #verified(text: string, client: string): Known | null {
    const token = this.#options.tokens.verify(text, client)
    if (token === null) return null
    const { sessionId, mac } = token
    return this.#known.add(text, {
      token,
      gwId: '',
      sessionSubject: SUBJECTS.session.of(sessionId),
      macSubject: SUBJECTS.mac.of(mac),
      verdicts: verdictsOf(sessionId),
    })
  }

  /**
   * A token that names no MAC belongs to the first client that logs in with it; among concurrent logins the first claim in the log wins.
   */
  async #bind(known: Known, asker: Asker, mac: string, now: number): Promise<Verdict> {
    const { token } = known
    const claim: AccessEntry = { verdict: 'allow', reason: '', until: token.end, updatedAt: now, data: { mac } }
    try {
      const winner = await this.#options.access.claim(SUBJECTS.binding.of(token.sessionId), claim)
      return SUBJECTS.binding.dataOf(winner)?.mac === mac ? this.#decideSession(known, asker, mac, now) : DENIED
    } catch {
      return this.#undecided(ERROR)
    }
  }

  /** The request belongs to the session: same MAC, same gateway. */
  #decideSession(known: Known, asker: Asker, mac: string, now: number): Verdict {
    const { stage } = asker
    const { token, verdicts, sessionSubject, macSubject } = known
    const verdict = (code: number) => verdicts.get(code) as Verdict
    const { sessionId } = token
    if (stage === 'logout') {
      this.#end(token, LOGGED_OUT, now)
      return verdict(0)
    }
    const isUsed = this.#isUsed(sessionId, now)
    const decided = this.#options.access.get(sessionSubject, now)
    // Another worker took the first use for a late one.
    const session = isUsed && decided?.reason === NOT_USED_IN_TIME ? undefined : decided
    const entry = session ?? this.#about(known, token.mac === '' ? SUBJECTS.mac.of(mac) : macSubject, now)
    const ended = this.#ended.has(sessionId) && session?.verdict !== 'allow'
    if (entry?.verdict === 'deny' || now >= token.end || ended) return verdict(0)
    if (!isUsed) {
      if (this.#late.has(sessionId)) return verdict(0)
      if (stage === 'login' && now >= token.useBy) {
        this.#refuseLate(token, now)
        return verdict(0)
      }
      this.#use(known, asker, mac, now)
    }
    const isConfirmed = token.confirmBy === null || session?.verdict === 'allow' || this.#confirmed(token, now)
    const code = isConfirmed ? 1 : now < token.confirmBy ? 5 : 6
    if (isUsed && code !== 6) this.#goesOn(known, asker, mac, now)
    return verdict(code)
  }

  #isUsed(sessionId: string, now: number): boolean {
    return this.#used.has(sessionId) || this.#options.access.get(SUBJECTS.used.of(sessionId), now) !== undefined
  }

  /** Other workers, and this one after a restart, must not take the same client's next login for a late first one. */
  #use(known: Known, asker: Asker, mac: string, now: number): void {
    const { sessionId, end, confirmBy } = known.token
    this.#used.add(sessionId, true)
    const unwritten = () => this.stats.unwritten++
    const entry: AccessEntry = { verdict: 'allow', reason: '', until: end, updatedAt: now }
    this.#options.access.put(SUBJECTS.used.of(sessionId), entry).catch(unwritten)
    const at = this.#gatewayOf(known, asker)
    if (at !== null)
      this.online.began(this.#seen(at, asker, mac, now), { sessionId, ends: end, confirmBy }).catch(unwritten)
  }

  /** If its device logged in at another gateway, this one goes on to report it, or the device has come back. */
  #goesOn(known: Known, asker: Asker, mac: string, now: number): void {
    const at = this.#gatewayOf(known, asker)
    if (at === null || !this.online.isElsewhere(at, mac)) return
    const { sessionId, end, confirmBy } = known.token
    this.online
      .wentOn(this.#seen(at, asker, mac, now), { sessionId, ends: end, confirmBy }, asker.stage)
      .catch(() => this.stats.unwritten++)
  }

  /** WiFiDog before 1.3 does not name itself. Null: it is not known which gateway asks; empty: it is one of several that prove themselves. */
  #gatewayOf({ gwId, token }: Known, { remoteIp }: Asker): string | null {
    return gwId === '' ? this.#options.registry.provenOfTag(token.gatewayTag, remoteIp) : gwId
  }

  #seen(gwId: string, { remoteIp }: Asker, mac: string, now: number): Seen {
    return { gwId, mac, isProven: gwId === '' || this.#options.registry.isProven(gwId, remoteIp), now }
  }

  /**
   * Gateways keep reporting counters of a client whose login was denied; every worker has to deny those too. The first use of a token of
   * version 0.1 was not recorded: its session may live, so nothing but this login is refused.
   */
  #refuseLate(token: Token, now: number): void {
    if (token.isOfFirstForm) return
    this.#late.add(token.sessionId, true)
    this.#put(token, NOT_USED_IN_TIME, now)
  }

  /** The decision about the client, the account or the gateway. The narrowest one wins, so that exceptions are possible. */
  #about({ token, gwId }: Known, macSubject: string, now: number): AccessEntry | undefined {
    const { access } = this.#options
    return (
      access.get(macSubject, now) ??
      this.#aboutAccount(token, now) ??
      (gwId === '' ? this.#gateways.get(token.gatewayTag, now) : access.get(SUBJECTS.gateway.of(gwId), now))
    )
  }

  /** A worker that has not read the session's account yet decides by it from the next report on. */
  #aboutAccount({ sessionId, hasAccount, accountTag }: Token, now: number): AccessEntry | undefined {
    if (!hasAccount) return undefined
    if (accountTag !== 0) return this.#accounts.get(accountTag, now)
    const { access } = this.#options
    const { sessionAccount } = SUBJECTS
    const name = sessionAccount.dataOf(access.get(sessionAccount.of(sessionId), now))?.account
    return name === undefined ? undefined : access.get(SUBJECTS.account.of(name), now)
  }

  #confirmed({ sessionId }: Token, now: number): boolean {
    return this.#options.access.get(SUBJECTS.confirmed.of(sessionId), now) !== undefined
  }

  /** Ends the token. This worker knows at once, the others once the access log has it. */
  #end(token: Token, reason: string, now: number): void {
    if (now < token.end) this.#ended.add(token.sessionId, true)
    this.#put(token, reason, now)
  }

  #put(token: Token, reason: string, now: number): void {
    const { access } = this.#options
    const subject = SUBJECTS.session.of(token.sessionId)
    const before = access.get(subject, now)
    if (now >= token.end || (before?.verdict === 'deny' && before.reason !== NOT_USED_IN_TIME)) return
    const entry: AccessEntry = { verdict: 'deny', reason, until: token.end, updatedAt: now }
    access.put(subject, entry).catch(() => this.stats.unwritten++)
  }
}

function verdictsOf(sessionId: string): ReadonlyMap<number, Verdict> {
  return new Map([0, 1, 5, 6, -1].map((code) => [code, { code, sessionId, own: true }]))
}

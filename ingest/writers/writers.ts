import { isIP, type BlockList } from 'node:net'
import { blockList } from '../../access/registry.ts'
import { isLoopback } from '../../common/ip-address.ts'
import type { Logger } from '../../common/logger.ts'
import type { ReportedAs } from '../../schemas/streams/index.ts'
import { makeAnswer, type Answer, type Exchange, type ListenerName } from '../http.ts'
import { Credentials, type Credential } from './credentials.ts'

/** Who may write what, as configured. Plain data, so that it can be sent to another process. */
export interface WriterOptions {
  readonly credentials: readonly Credential[]
  /** Addresses and CIDR blocks that reports of a kind may come from; a kind that is not named: from anywhere. */
  readonly sources: Readonly<Partial<Record<ReportedAs, readonly string[]>>>
  /** Logins are taken from everybody. */
  readonly open: boolean
  /** The listeners that take logins. */
  readonly listeners: readonly ListenerName[]
}

/** What holds where nothing is configured: logins of this machine only, on the bulk listener only. */
export const LOCAL_WRITERS: WriterOptions = { credentials: [], sources: {}, open: false, listeners: ['bulk'] }

/** Why a report was refused before it was read. */
export const REFUSALS = ['listener', 'source', 'no_credential', 'wrong_credential'] as const
export type Refusal = (typeof REFUSALS)[number]

const CHALLENGE = [['WWW-Authenticate', 'Basic realm="gatepost"']] as const

const MEANINGS: Readonly<Record<Refusal, { code: 401 | 403; error: string; remedy: string }>> = {
  listener: {
    code: 403,
    error: 'this listener takes no reports of RADIUS servers; send them to the bulk listener',
    remedy: 'send it to GATEPOST_INGEST_PORT, or add gateway to GATEPOST_INGEST_LISTENERS',
  },
  source: {
    code: 403,
    error: 'reports are not taken from this address',
    remedy: 'if the address may write, add it to GATEPOST_INGEST_SOURCES, or set GATEPOST_INGEST_CREDENTIALS',
  },
  no_credential: {
    code: 401,
    error: 'a credential is needed: Authorization: Basic or Bearer',
    remedy: 'let the sender use a name and a secret of GATEPOST_INGEST_CREDENTIALS',
  },
  wrong_credential: {
    code: 401,
    error: 'the credential is not known here',
    remedy: 'compare the name and the secret of the sender with GATEPOST_INGEST_CREDENTIALS',
  },
}

const KINDS: readonly ReportedAs[] = ['ping', 'auth', 'post-auth', 'accounting']
const ROUTES = { ping: 'ping', auth: 'auth', 'post-auth': 'post_auth', accounting: 'accounting' } as const

/** What RADIUS servers report. */
type RadiusKind = 'post-auth' | 'accounting'

/** A refusal is logged at most once in this time, by kind and reason: a flood of them must not fill the disk. */
const LOG_EVERY_MS = 60_000

/** Addresses whose permission is remembered; when full, the memory is cleared, since entries are cheap to rebuild. */
const MAX_ADDRESSES = 65_536

/** Decides, before a report is read, whether its sender may write it, and under which name. */
export class Writers {
  /** Refused reports by kind and reason, "post-auth source". */
  readonly refused = new Map<string, number>(KINDS.flatMap((kind) => REFUSALS.map((why) => [`${kind} ${why}`, 0])))
  readonly #options: WriterOptions
  readonly #credentials: Credentials
  readonly #sources = new Map<ReportedAs, Networks>()
  readonly #answers = new Map<string, Answer>()
  readonly #loggedAt = new Map<string, number>()
  readonly #logger: Logger

  constructor(options: WriterOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
    this.#credentials = new Credentials(options.credentials)
    for (const kind of KINDS) {
      const sources = options.sources[kind]
      if (sources !== undefined) this.#sources.set(kind, new Networks(blockList(sources)))
      for (const why of REFUSALS) this.#answers.set(`${kind} ${why}`, refusalOf(kind, why))
    }
  }

  /** Whether a gateway's report may come from this address; if not, the exchange holds the answer. */
  allows(kind: 'ping' | 'auth', exchange: Exchange): boolean {
    const networks = this.#sources.get(kind)
    if (networks === undefined || networks.has(exchange.remoteIp)) return true
    this.#refuse(kind, 'source', exchange)
    return false
  }

  /**
   * The name of the credential with which a login or accounting is reported; empty: it needs none. Null: it is refused, and the exchange
   * holds the answer.
   * PRECONDITION: the request's headers can be read.
   */
  writerOf(kind: RadiusKind, exchange: Exchange): string | null {
    const { listeners, open } = this.#options
    const networks = this.#networksOf(kind)
    const { remoteIp } = exchange
    if (!listeners.includes(exchange.listener)) return this.#refuse(kind, 'listener', exchange)
    if (networks !== undefined && !networks.has(remoteIp)) return this.#refuse(kind, 'source', exchange)
    if (!this.#credentials.any) {
      if (networks !== undefined || open || isLoopback(remoteIp)) return ''
      return this.#refuse(kind, 'source', exchange)
    }
    const header = exchange.header('authorization')
    if (header === '') return open ? '' : this.#refuse(kind, 'no_credential', exchange)
    return this.#credentials.nameOf(header) ?? this.#refuse(kind, 'wrong_credential', exchange)
  }

  /** Whether a sender that writerOf() has named has proved who it is, by its credential or by its address. */
  proves(kind: RadiusKind, source: string): boolean {
    return source !== '' || this.#networksOf(kind) !== undefined || (!this.#options.open && !this.#credentials.any)
  }

  /** Accounting comes from the servers that report logins, unless it has networks of its own. */
  #networksOf(kind: RadiusKind): Networks | undefined {
    return this.#sources.get(kind) ?? this.#sources.get('post-auth')
  }

  #refuse(kind: ReportedAs, why: Refusal, exchange: Exchange): null {
    const key = `${kind} ${why}`
    this.refused.set(key, (this.refused.get(key) as number) + 1)
    exchange.reply(this.#answers.get(key) as Answer, 'dropped')
    const now = Date.now()
    if (now - (this.#loggedAt.get(key) ?? -Infinity) >= LOG_EVERY_MS) {
      this.#loggedAt.set(key, now)
      const { error, remedy } = MEANINGS[why]
      this.#logger.warn(
        { event: 'ingest.source_refused', kind, reason: why, remoteIp: exchange.remoteIp },
        `ingest: refused a ${kind} report from ${exchange.remoteIp}: ${error}; it is not stored. To take it: ${remedy}`,
      )
    }
    return null
  }
}

function refusalOf(kind: ReportedAs, why: Refusal): Answer {
  const { code, error } = MEANINGS[why]
  return makeAnswer(ROUTES[kind], code, JSON.stringify({ error }), {
    contentType: 'application/json',
    headers: code === 401 ? CHALLENGE : [],
  })
}

/** Networks, with the answer for each address remembered: checking a list takes longer than the rest of a heartbeat. */
class Networks {
  readonly #list: BlockList
  readonly #known = new Map<string, boolean>()

  constructor(list: BlockList) {
    this.#list = list
  }

  has(ip: string): boolean {
    const known = this.#known.get(ip)
    if (known !== undefined) return known
    const family = isIP(ip)
    const has = family !== 0 && this.#list.check(ip, family === 6 ? 'ipv6' : 'ipv4')
    if (this.#known.size >= MAX_ADDRESSES) this.#known.clear()
    this.#known.set(ip, has)
    return has
  }
}

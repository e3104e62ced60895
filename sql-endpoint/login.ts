import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { FailureLimiter } from '../common/failure-limiter.ts'
import { addressGroup } from '../common/ip-address.ts'
import { PasswordLimiter } from '../common/password-limiter.ts'
import { plainAddress, TrustedProxies } from '../common/trusted-proxies.ts'
import { SqlError, TooManyGuesses } from './errors.ts'
import type { SqlEndpointOptions } from './options.ts'
import type { NamedReader } from './named-reader.ts'
import { Users, type Role } from './users.ts'

/** Delay of the answer to a wrong password, in milliseconds. */
const WRONG_PASSWORD_DELAY_MS = 300
const MINUTE_MS = 60_000
/** What a user is called whose name the sender made up. */
const UNKNOWN = '(unknown)'

/** Who sent a request. */
export interface Client {
  readonly user: string
  readonly role: Role
  /** Null: not a named reader. */
  readonly reader: NamedReader | null
  readonly address: string
}

/** Admits users, and limits wrong passwords. */
export class Login {
  readonly #users: Users
  readonly #proxies: TrustedProxies
  readonly #limiter = new PasswordLimiter()
  /** Addresses that are in the log already. */
  readonly #logged = new FailureLimiter(1, MINUTE_MS)
  readonly #options: SqlEndpointOptions

  constructor(options: SqlEndpointOptions) {
    this.#users = new Users(options)
    this.#proxies = new TrustedProxies(options.trustedProxies ?? [])
    this.#options = options
  }

  /** @throws SqlError REQUIRED_PASSWORD (401): a password is needed and none was sent; AUTHENTICATION_FAILED (403, or 429) */
  async admit(req: IncomingMessage, params: URLSearchParams): Promise<Client> {
    const { name, known, needsPassword, given, role, reader } = this.#users.identify(req, params)
    const address = this.#addressOf(req)
    // The operator's key cannot be guessed, and the commands of this machine may share their address with others.
    if (role !== null && (!needsPassword || role === 'operator')) return { user: name, role, reader, address }
    if (!given) throw new SqlError('REQUIRED_PASSWORD', `${name}: Authentication failed: password is required`)
    const user = known ? name : UNKNOWN
    const now = Date.now()
    const waitMs = this.#limiter.waitMs(address, user, now)
    if (role !== null && waitMs === 0) return { user: name, role, reader, address }
    this.#report(user, address, now)
    if (waitMs > 0) throw new TooManyGuesses(name, waitMs)
    this.#limiter.failed(address, user, now)
    await sleep(WRONG_PASSWORD_DELAY_MS)
    const why = 'password is incorrect, or there is no user with such name'
    throw new SqlError('AUTHENTICATION_FAILED', `${name}: Authentication failed: ${why}`)
  }

  #addressOf({ socket, headers }: IncomingMessage): string {
    const forwardedFor = headers['x-forwarded-for']
    return this.#proxies.client(
      plainAddress(socket.remoteAddress),
      typeof forwardedFor === 'string' ? forwardedFor : '',
    )
  }

  #report(user: string, address: string, now: number): void {
    this.#options.audit?.({ who: 'nobody', action: 'sql_login_refused', subject: `user=${user}`, remoteIp: address })
    const group = addressGroup(address)
    if (!this.#logged.allows(group, now)) return
    this.#logged.failed(group, now)
    this.#options.logger.warn(
      { event: 'sql.login_refused', user, address },
      `SQL endpoint: ${address} sent a wrong password for user ${user}; further ones are counted for a minute, and too many are refused`,
    )
  }
}

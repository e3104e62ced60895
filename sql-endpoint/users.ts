import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { NamedReader } from './named-reader.ts'

/** `operator` is used by commands on the same machine: an admin who may also insert batches, like a store. */
export type Role = 'reader' | 'admin' | 'operator'

interface User {
  readonly role: Role
  /** SHA-256 of the password; null: no password needed. */
  readonly digest: Buffer | null
  /** Null: sees everything that its role sees. */
  readonly reader: NamedReader | null
}

const digestOf = (password: string): Buffer => createHash('sha256').update(password).digest()

/** Who a request says that it comes from. */
export interface Identified {
  readonly name: string
  /** Whether there is such a user. */
  readonly known: boolean
  readonly needsPassword: boolean
  /** Whether a password was sent. */
  readonly given: boolean
  /** Null: the password is wrong or missing, or there is no such user. */
  readonly role: Role | null
  readonly reader: NamedReader | null
}

/** Authenticates users and determines their role. */
export class Users {
  readonly #users = new Map<string, User>()

  constructor(passwords: {
    readonly password?: string | undefined
    readonly adminPassword?: string | undefined
    readonly operatorKey?: string | undefined
    readonly readers?: readonly NamedReader[] | undefined
  }) {
    const { password, adminPassword, operatorKey, readers = [] } = passwords
    const everything = { reader: null }
    for (const reader of readers) {
      this.#users.set(reader.name, { role: 'reader', digest: Buffer.from(reader.passwordSha256, 'hex'), reader })
    }
    const digest = password === undefined ? null : digestOf(password)
    this.#users.set('default', { role: 'reader', digest, ...everything })
    if (adminPassword !== undefined && adminPassword !== '') {
      this.#users.set('admin', { role: 'admin', digest: digestOf(adminPassword), ...everything })
    }
    if (operatorKey !== undefined && operatorKey !== '') {
      this.#users.set('operator', { role: 'operator', digest: digestOf(operatorKey), ...everything })
    }
  }

  identify(req: IncomingMessage, params: URLSearchParams): Identified {
    const { name, password, given } = credentialsOf(req, params)
    const user = this.#users.get(name)
    // Compared even if the user does not exist, so that the time reveals nothing about names.
    const matches = timingSafeEqual(digestOf(password), user?.digest ?? digestOf('no such user'))
    const needsPassword = user === undefined || user.digest !== null
    const role = user !== undefined && (!needsPassword || matches) ? user.role : null
    return { name, known: user !== undefined, needsPassword, given, role, reader: user?.reader ?? null }
  }
}

/** In ClickHouse's order: X-ClickHouse-User/-Key, HTTP Basic, parameters `user` and `password`. */
function credentialsOf(
  req: IncomingMessage,
  params: URLSearchParams,
): { name: string; password: string; given: boolean } {
  const header = (name: string): string | undefined => {
    const value = req.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const user = header('x-clickhouse-user')
  const key = header('x-clickhouse-key')
  if (user !== undefined || key !== undefined) return credentials(user, key)
  const basic = /^Basic\s+([A-Za-z0-9+/=_-]+)\s*$/i.exec(header('authorization') ?? '')
  if (basic !== null) {
    const decoded = Buffer.from(basic[1] ?? '', 'base64').toString('utf8')
    const colon = decoded.indexOf(':')
    return colon === -1 ? credentials(decoded, '') : credentials(decoded.slice(0, colon), decoded.slice(colon + 1))
  }
  return credentials(params.get('user') ?? undefined, params.get('password') ?? undefined)
}

function credentials(name: string | undefined, password: string | undefined) {
  return {
    name: name === undefined || name === '' ? 'default' : name,
    password: password ?? '',
    given: password !== undefined && password !== '',
  }
}

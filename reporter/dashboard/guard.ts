import { getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import type { Context, MiddlewareHandler } from 'hono'
import { FailureLimiter } from '../../common/failure-limiter.ts'
import { addressGroup } from '../../common/ip-address.ts'
import type { HostCheck } from '../../common/hosts.ts'
import { plainAddress, type TrustedProxies } from '../../common/trusted-proxies.ts'
import type { Access, Who } from './access.ts'
import type { Dashboard } from './context.ts'
import type { Environment } from './environment.ts'
import { Refusal } from './problem.ts'

export const COOKIE = 'gatepost_dashboard'

/** Requests per address (of IPv6, per /64) and minute. An open page sends twelve. */
const REQUESTS = 1200
const MINUTE_MS = 60_000

/** Refuses requests that were meant for another host, and too many requests from one address. */
export function hostGuard(hosts: HostCheck, proxies: TrustedProxies, access: Access): MiddlewareHandler<Environment> {
  const rate = new FailureLimiter(REQUESTS, MINUTE_MS)
  return createMiddleware<Environment>(async (c, next) => {
    const refusal = hosts.refusal(c.env.incoming)
    if (refusal !== null) throw new Refusal(403, refusal)
    const peer = plainAddress(c.env.incoming.socket.remoteAddress)
    const address = proxies.client(peer, c.req.header('x-forwarded-for') ?? '')
    const now = Date.now()
    const group = addressGroup(address)
    if (!rate.allows(group, now)) {
      access.refused.requests++
      throw new Refusal(429, 'too many requests; wait a minute', rate.endsIn(group, now))
    }
    rate.failed(group, now)
    c.set('address', address)
    await next()
  })
}

/** API requests answered at once; the store has few connections, and other work. */
const AT_ONCE = 32

/** Refuses requests that would have to queue. */
export function loadGuard(): MiddlewareHandler<Environment> {
  let running = 0
  return createMiddleware<Environment>(async (_c, next) => {
    if (running >= AT_ONCE) throw new Refusal(503, 'too many requests are being answered; try again in a moment')
    running++
    try {
      await next()
    } finally {
      running--
    }
  })
}

/** Without parameters but the charset, which JSON does not need (RFC 8259, section 11). */
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/**
 * Requests that change something must come from a page of this very origin, or not from a browser: HostCheck accepts pages on other ports of
 * this host, and a form can be submitted across origins.
 */
export const originGuard = createMiddleware<Environment>(async (c, next) => {
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
    const origin = c.req.header('origin')
    const host = c.req.header('host') ?? ''
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
      throw new Refusal(403, `cross-site requests are refused (Origin: ${JSON.stringify(origin)})`)
    if (!JSON_TYPE.test(c.req.header('content-type') ?? ''))
      throw new Refusal(400, 'Content-Type: allowed is application/json')
  }
  await next()
})

/** Admits logged-in users, by the cookie or with a password as bearer token. */
export function loginGuard(dashboard: Dashboard): MiddlewareHandler<Environment> {
  return createMiddleware<Environment>(async (c, next) => {
    const who = dashboard.access.open
      ? 'local'
      : known(dashboard, c.get('address'), getCookie(c, COOKIE), c.req.header('authorization'))
    if (who === undefined) throw new Refusal(401, 'log in first, or send a password as bearer token')
    c.set('who', who)
    await next()
  })
}

function known(
  { access, auditLog }: Dashboard,
  address: string,
  cookie: string | undefined,
  header: string | undefined,
): Who | undefined {
  const now = Date.now()
  const [, bearer] = /^Bearer (.+)$/i.exec(header ?? '') ?? []
  if (bearer !== undefined) {
    const waitMs = access.waitMs(address, now)
    const who = waitMs > 0 ? undefined : access.whoKnows(bearer, address, now)
    if (who === undefined) {
      auditLog.count({ who: 'nobody', action: 'bearer_refused', subject: '', remoteIp: address }, new Date(now))
      if (waitMs > 0) throw new Refusal(429, 'too many wrong passwords; wait a minute', waitMs)
    }
    return who
  }
  if (cookie === undefined) return undefined
  const who = access.whoHas(cookie, now)
  // Mostly a login that has ended: after twelve hours, or with the process that knew it.
  if (who === undefined)
    auditLog.count({ who: 'nobody', action: 'cookie_refused', subject: '', remoteIp: address }, new Date(now))
  return who
}

/** Only operators may change something. @param subject what a viewer tried to change, for the audit log */
export function requireOperator({ auditLog }: Dashboard, c: Context<Environment>, subject: string): void {
  const who = c.get('who')
  if (who !== 'viewer') return
  auditLog.count({ who, action: 'role_refused', subject, remoteIp: c.get('address') }, new Date())
  throw new Refusal(403, 'this takes the role operator')
}

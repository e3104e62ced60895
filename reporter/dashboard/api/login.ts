import { createRoute, z } from '@hono/zod-openapi'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { LOGIN_SECONDS } from '../access.ts'
import { audit, type Dashboard } from '../context.ts'
import { COOKIE } from '../guard.ts'
import { noQuery } from './parameters.ts'
import { Refusal, REFUSALS } from '../problem.ts'

const whoami = z.object({
  who: z.enum(['operator', 'viewer', 'local']),
  can_cut_off: z.boolean(),
  can_disconnect: z.boolean().openapi({ description: 'Cut off sessions of RADIUS' }),
  can_replay: z.boolean(),
  can_forget: z.boolean(),
  cannot_forget: z.string().nullable().openapi({ description: 'Why this process cannot, whoever asks; null: it can' }),
  has_vouchers: z.boolean(),
  can_make_vouchers: z.boolean(),
  version: z.string(),
  listeners: z
    .object({ gateway: z.string(), ingest: z.string() })
    .nullable()
    .openapi({ description: 'URLs of this instance from its own machine; null: it has no ingest' }),
})

/** `POST /api/login`: before the guard that asks for a login. */
export function loginRoute({ app, options, access, auditLog }: Dashboard): void {
  const route = createRoute({
    method: 'post',
    path: '/api/login',
    summary: 'Log in with a password',
    request: {
      query: noQuery,
      body: {
        required: true,
        content: { 'application/json': { schema: z.object({ password: z.string().max(1024) }) } },
      },
    },
    responses: {
      200: {
        description: 'Logged in; the cookie is set',
        content: { 'application/json': { schema: z.object({ who: z.enum(['operator', 'viewer', 'local']) }) } },
      },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    if (access.open) return c.json({ who: 'local' as const }, 200)
    const address = c.get('address')
    const now = new Date()
    const waitMs = access.waitMs(address, now.getTime())
    const who = waitMs > 0 ? undefined : access.whoKnows(c.req.valid('json').password, address, now.getTime())
    if (who === undefined) {
      auditLog.count({ who: 'nobody', action: 'login_refused', subject: '', remoteIp: address }, now)
      if (waitMs > 0) throw new Refusal(429, 'too many wrong passwords; wait a minute', waitMs)
      throw new Refusal(401, 'this is not a password of the dashboard')
    }
    await auditLog.record({ who, action: 'login', subject: '', remoteIp: address }, now)
    setCookie(c, COOKIE, access.logIn(who, now.getTime()), {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      maxAge: LOGIN_SECONDS,
      secure: options.certificate !== null || c.req.header('x-forwarded-proto') === 'https',
    })
    return c.json({ who }, 200)
  })
}

/** `GET /api/whoami`, `POST /api/logout` */
export function whoamiRoutes(dashboard: Dashboard, version: string): void {
  const { app, options, access } = dashboard
  const who = createRoute({
    method: 'get',
    path: '/api/whoami',
    summary: 'Who you are here, and what you may do',
    request: { query: noQuery },
    responses: { 200: { description: 'You', content: { 'application/json': { schema: whoami } } }, ...REFUSALS },
  })
  app.openapi(who, (c) => {
    const acts = c.get('who') !== 'viewer'
    const why = typeof options.forgetter === 'string' ? options.forgetter : null
    const may = {
      can_cut_off: acts && options.cutOff !== null,
      can_disconnect: acts && options.cutOff !== null && options.disconnects,
      can_replay: acts && options.replayLetter !== null,
      can_forget: acts && why === null,
      cannot_forget: why,
      has_vouchers: options.vouchers !== null,
      can_make_vouchers: acts && options.vouchers !== null,
    }
    return c.json({ who: c.get('who'), ...may, version, listeners: options.listeners }, 200)
  })
  const out = createRoute({
    method: 'post',
    path: '/api/logout',
    summary: 'Log out',
    request: { query: noQuery },
    responses: {
      200: { description: 'Logged out', content: { 'application/json': { schema: z.object({ who: z.null() }) } } },
      ...REFUSALS,
    },
  })
  app.openapi(out, async (c) => {
    await audit(dashboard, c, 'logout', '')
    const value = getCookie(c, COOKIE)
    if (value !== undefined) access.logOut(value)
    deleteCookie(c, COOKIE, { path: '/' })
    return c.json({ who: null }, 200)
  })
}

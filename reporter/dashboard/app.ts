import { OpenAPIHono } from '@hono/zod-openapi'
import { getCookie } from 'hono/cookie'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { TrustedProxies } from '../../common/trusted-proxies.ts'
import { HostCheck } from '../../common/hosts.ts'
import { packageVersion } from '../../common/package-root.ts'
import type { AuditLog } from '../../store/audit-log.ts'
import type { Access } from './access.ts'
import { dataHealthRoute } from './api/data-health.ts'
import { gatewaysRoute } from './api/gateways.ts'
import { loginRoute, whoamiRoutes } from './api/login.ts'
import { loginsRoute } from './api/logins.ts'
import { metricRoute, metricsRoute } from './api/metrics.ts'
import { overviewRoute } from './api/overview.ts'
import { replayLetterRoute } from './api/dead-letters.ts'
import { forgetRoute } from './api/forget.ts'
import { cutOffRoute, sessionRoute, sessionsRoute } from './api/sessions.ts'
import { voucherRoutes } from './api/vouchers.ts'
import { sitesRoute } from './api/sites.ts'
import { loadAssets, loadShell } from './assets.ts'
import type { Dashboard } from './context.ts'
import type { Environment } from './environment.ts'
import { COOKIE, hostGuard, loadGuard, loginGuard, originGuard } from './guard.ts'
import type { DashboardOptions } from './options.ts'
import { Refusal, statusOf } from './problem.ts'

/** Pages by their first path segment, with the parameters that they have. */
export const PAGES = {
  '': [],
  usage: ['metric', 'period', 'from', 'to'],
  sites: ['hours', 'page'],
  logins: ['user', 'cert', 'mac', 'site', 'ap', 'building', 'failed', 'days', 'limit', 'page'],
  gateways: ['state', 'search', 'page'],
  sessions: ['mac', 'account', 'gateway', 'active', 'page'],
  'data-health': [],
  forget: [],
  vouchers: ['page'],
} as const
const BODY_BYTES = 16 * 1024

/** The routes of the dashboard: pages, their assets, and the API under /api/. */
export function dashboardApp(options: DashboardOptions, access: Access, auditLog: AuditLog): OpenAPIHono<Environment> {
  const app = new OpenAPIHono<Environment>({
    defaultHook: (result) => {
      if (result.success) return
      const [issue] = result.error.issues
      throw new Refusal(400, `${issue.path.join('.') || 'the request'}: ${issue.message}`)
    },
  })
  const dashboard: Dashboard = { app, options, access, auditLog }
  app.onError((error, c) => {
    // Errors of hono itself: a body that is not JSON, and the like.
    const own = 'status' in error && error.status === 400 && !(error instanceof Refusal)
    const { status, text } = own ? { status: 400 as const, text: error.message } : statusOf(error)
    if (error instanceof Refusal && error.retryAfterMs !== undefined)
      c.header('Retry-After', String(Math.ceil(error.retryAfterMs / 1000)))
    if (status === 500 || status === 503)
      options.logger.error({ event: 'dashboard.request_failed', err: error, path: c.req.path }, 'dashboard')
    return c.json({ error: text }, status)
  })
  const shell = loadShell()
  app.notFound((c) => {
    const { path } = c.req
    // A person who followed an old link gets a page, which says so.
    const isPage =
      c.req.method === 'GET' && !/^\/(api|assets)\//.test(path) && c.req.header('accept')?.includes('text/html')
    if (isPage === true) return c.html(shell, 404, { 'Cache-Control': 'no-cache' })
    return c.json({ error: `there is nothing at ${c.req.path}; /api/openapi.json says what there is` }, 404)
  })
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'no-referrer',
      // The dashboard is served over plain HTTP too.
      strictTransportSecurity: false,
    }),
  )
  app.use(
    hostGuard(new HostCheck(options.host, options.allowedHosts), new TrustedProxies(options.trustedProxies), access),
    originGuard,
  )
  app.use(bodyLimit({ maxSize: BODY_BYTES, onError: (c) => c.json({ error: 'the body is too large' }, 413) }))
  app.use('/api/*', async (c, next) => {
    await next()
    c.header('Cache-Control', 'no-store')
  })

  pageRoutes(dashboard, shell)
  loginRoute(dashboard)
  app.use('/api/*', loginGuard(dashboard), loadGuard())
  whoamiRoutes(dashboard, packageVersion())
  overviewRoute(dashboard)
  metricsRoute(dashboard)
  metricRoute(dashboard)
  sitesRoute(dashboard)
  loginsRoute(dashboard)
  gatewaysRoute(dashboard)
  sessionsRoute(dashboard)
  sessionRoute(dashboard)
  cutOffRoute(dashboard)
  replayLetterRoute(dashboard)
  forgetRoute(dashboard)
  voucherRoutes(dashboard)
  dataHealthRoute(dashboard)
  app.doc31('/api/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Gatepost report API',
      version: packageVersion(),
      description:
        'What the dashboard shows. Where a login is needed, a password of the dashboard is a bearer token. Times are UTC.',
    },
  })
  return app
}

function pageRoutes({ app, access }: Dashboard, shell: string): void {
  const assets = loadAssets()
  app.get('/assets/:path{.+}', (c) => {
    const asset = assets.get(c.req.param('path'))
    if (asset === undefined) return c.notFound()
    return c.body(asset.body, 200, { 'Content-Type': asset.type, 'Cache-Control': 'no-cache' })
  })
  const page = (path: string, parameters: readonly string[]) =>
    app.get(path, (c) => {
      refuseUnknown(c.req.queries(), parameters)
      const cookie = getCookie(c, COOKIE)
      const known = access.open || (cookie !== undefined && access.whoHas(cookie, Date.now()) !== undefined)
      if (!known) {
        const { pathname, search } = new URL(c.req.url)
        return c.redirect(`/login?next=${encodeURIComponent(pathname + search)}`, 303)
      }
      return c.html(shell, 200, { 'Cache-Control': 'no-cache' })
    })
  for (const [name, parameters] of Object.entries(PAGES)) page(`/${name}`, parameters)
  page('/sessions/:id', ['gateway'])
  app.get('/login', (c) => {
    refuseUnknown(c.req.queries(), ['next'])
    return c.html(shell, 200, { 'Cache-Control': 'no-cache' })
  })
}

function refuseUnknown(sent: Readonly<Record<string, readonly string[]>>, known: readonly string[]): void {
  for (const [name, values] of Object.entries(sent)) {
    if (!known.includes(name)) throw new Refusal(400, `${JSON.stringify(name)} is not a parameter of this page`)
    if (values.length > 1) throw new Refusal(400, `${name}: given ${values.length} times`)
  }
}

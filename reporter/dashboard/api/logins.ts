import { createRoute, z } from '@hono/zod-openapi'
import { findLogins } from '../../queries/logins.ts'
import { audit, type Dashboard } from '../context.ts'
import { Refusal, REFUSALS } from '../problem.ts'
import { canonical, flag, mac, offsetOf, pageNumber, queryOf, text, whole } from './parameters.ts'

const KEYS = ['user', 'cert', 'mac', 'site', 'ap', 'building'] as const
const DAY_MS = 86_400_000

const report = z
  .object({
    logins: z.array(z.record(z.string(), z.unknown())).openapi({
      description:
        'Rows of table post_auth, newest first, and the RADIUS session that each opened (session; null: none is known)',
    }),
    total: z.number().openapi({ description: 'How many logins match, on all pages; 10001: more than 10,000' }),
    reasons: z.array(
      z.object({
        authentication_result: z.string(),
        authentication_reply: z.string(),
        logins: z.number(),
        latest: z.string(),
      }),
    ),
    reasons_since: z.string().openapi({
      description:
        'Since when the reasons are counted: all of the time that was searched, or as much as has a thousand refusals',
    }),
    account: z.object({ username: z.string(), created_at: z.string(), last_login: z.string().nullable() }).nullable(),
    devices: z.array(z.object({ mac: z.string(), successes: z.number(), failures: z.number(), latest: z.string() })),
  })
  .openapi('Logins')

/** `GET /api/logins`: the search of `gatepost logins`. Each search is written to the audit log before it is answered. */
export function loginsRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const route = createRoute({
    method: 'get',
    path: '/api/logins',
    summary: 'Search logins: who, where, and why it was refused',
    description: 'At most one of user, cert, mac, site, ap and building. The search is recorded in table audit_log.',
    request: {
      query: queryOf({
        user: text,
        cert: text,
        mac,
        site: text,
        ap: mac,
        building: text,
        failed: flag,
        days: whole(options.retention.post_auth + 1, 3660).openapi({ description: 'How far back' }),
        limit: whole(100, 1000),
        // As many as are counted, of a hundred each.
        page: pageNumber(100),
      }),
    },
    responses: {
      200: { description: 'What was found', content: { 'application/json': { schema: report } } },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const asked = c.req.valid('query')
    const { failed, days, limit, page, ...about } = asked
    const given = KEYS.filter((key) => about[key] !== undefined)
    if (given.length > 1) throw new Refusal(400, `${given.join(' and ')}: allowed is one of them at a time`)
    await audit(dashboard, c, 'logins_search', canonical(asked))
    const now = Date.now()
    const found = await findLogins(options.store, {
      ...Object.fromEntries(given.map((key) => [key, about[key]])),
      failed,
      since: new Date(now - days * DAY_MS),
      // The clock of the ingest machine may be a little ahead.
      until: new Date(now + 60_000),
      limit,
      offset: offsetOf({ page, limit }),
    })
    return c.json(found as unknown as z.infer<typeof report>, 200)
  })
}

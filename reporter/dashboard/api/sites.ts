import { createRoute, z } from '@hono/zod-openapi'
import { siteReport } from '../../queries/sites.ts'
import type { Dashboard } from '../context.ts'
import { REFUSALS } from '../problem.ts'
import { offsetOf, pageNumber, queryOf, whole } from './parameters.ts'

const counts = { accepted: z.number(), refused: z.number() }
const site = z.object({
  site_ip: z.string(),
  name: z.string(),
  ...counts,
  users: z.number(),
  latest: z.string(),
  steps: z.array(z.object(counts)),
  reasons: z.array(z.object({ reply: z.string(), logins: z.number() })),
})
const report = z
  .object({
    begins: z.number().openapi({ description: 'When the first step begins, ms since the epoch' }),
    step_seconds: z.number(),
    total: z.number().openapi({ description: 'How many sites there are on all pages' }),
    sites: z.array(site),
  })
  .openapi('Sites')

/** `GET /api/sites` */
export function sitesRoute({ app, options }: Dashboard): void {
  const route = createRoute({
    method: 'get',
    path: '/api/sites',
    summary: 'Logins of each site, the busiest first',
    request: {
      query: queryOf({
        hours: z
          .enum(['24', '168', '720'])
          .default('24')
          .transform((value) => Number(value) as 24 | 168 | 720)
          .openapi({ type: 'string', enum: ['24', '168', '720'], default: '24' }),
        limit: whole(100, 500),
        page: pageNumber(),
      }),
    },
    responses: {
      200: { description: 'The sites', content: { 'application/json': { schema: report } } },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { hours, limit, page } = c.req.valid('query')
    const found = await siteReport(options.store, { hours, limit, offset: offsetOf({ page, limit }), now: new Date() })
    return c.json(found as z.infer<typeof report>, 200)
  })
}

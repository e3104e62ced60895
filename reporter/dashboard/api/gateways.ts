import { createRoute, z } from '@hono/zod-openapi'
import { completeness, gatewayStrips } from '../../queries/gateway-strips.ts'
import { gateway, listGateways } from '../../queries/gateways.ts'
import { cached } from '../cached.ts'
import type { Dashboard } from '../context.ts'
import { REFUSALS } from '../problem.ts'
import { offsetOf, pageNumber, queryOf, text, whole } from './parameters.ts'

const CACHE_MS = 2000

const report = z
  .object({
    begins: z.number().openapi({ description: 'When the first hour of the strips begins, ms since the epoch' }),
    total: z
      .number()
      .openapi({ description: 'Gateways that match; more than `gateways` holds if there are more than limit' }),
    gateways: z.array(
      gateway.extend({
        sys_uptime: z.number().nullable(),
        sys_memfree: z.number().nullable(),
        sys_load: z.number().nullable(),
        wifidog_uptime: z.number().nullable(),
        interval_seconds: z.number().nullable(),
        clients: z.number(),
        restarts: z.number(),
        warning: z
          .string()
          .openapi({ description: 'same_id: several gateways call themselves so; empty: nothing is wrong' }),
        strip: z
          .array(z.number())
          .openapi({ description: 'Of each of the last 24 hours how complete the heartbeats were, 0 to 1' }),
      }),
    ),
  })
  .openapi('Gateways')

/** `GET /api/gateways` */
export function gatewaysRoute({ app, options }: Dashboard): void {
  const all = cached(CACHE_MS, async () => {
    const [gateways, strips] = await Promise.all([
      listGateways(options.store, false),
      gatewayStrips(options.store, new Date()),
    ])
    return { gateways, strips }
  })
  const route = createRoute({
    method: 'get',
    path: '/api/gateways',
    summary: 'Gateways, those that are down first',
    request: {
      query: queryOf({
        state: z.enum(['', 'up', 'late', 'down']).default(''),
        search: text.openapi({ description: 'A part of the identifier, the name or the address' }),
        limit: whole(200, 1000),
        page: pageNumber(),
      }),
    },
    responses: {
      200: { description: 'The gateways', content: { 'application/json': { schema: report } } },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { state, search, limit, page } = c.req.valid('query')
    const { gateways, strips } = await all()
    const { begins, pieces, soFar } = strips
    const needle = (search ?? '').toLowerCase()
    const matching = gateways.filter(
      (one) =>
        (state === '' || one.state === state) &&
        [one.gw_id, one.name, one.remote_ip].some((value) => value.toLowerCase().includes(needle)),
    )
    const shown = matching
      .slice(offsetOf({ page, limit }), page * limit)
      .map((one) => ({ ...one, strip: completeness(pieces.get(one.gw_id), one.interval_seconds, soFar) }))
    return c.json({ begins, total: matching.length, gateways: shown }, 200)
  })
}

import { createRoute, z } from '@hono/zod-openapi'
import { overviewOf } from '../../queries/overview.ts'
import { cached } from '../cached.ts'
import type { Dashboard } from '../context.ts'
import { REFUSALS } from '../problem.ts'
import { noQuery } from './parameters.ts'

const CACHE_MS = 2000

const states = z.record(z.string(), z.number())
export const lag = z
  .array(z.object({ topic: z.string(), bytes: z.number(), seconds: z.number() }))
  .nullable()
  .openapi({ description: 'How far the tables are behind the record log; null: this process does not read it' })
export const intake = z.array(
  z.object({ table: z.string(), last_five_minutes: z.number(), latest: z.string().nullable() }),
)

const overview = z
  .object({
    now: z.number().openapi({ description: 'ms since the epoch' }),
    logins: z
      .array(z.object({ at: z.number(), accepted: z.number(), refused: z.number() }))
      .openapi({ description: 'The last hour, minute by minute; the last is not over yet' }),
    sessions: states,
    gateways: states,
    same_id: z.number().openapi({ description: 'Identifiers that several gateways have' }),
    intake,
    lag,
  })
  .openapi('Overview')

/** `GET /api/overview` */
export function overviewRoute({ app, options }: Dashboard): void {
  const newest = cached(CACHE_MS, async () => {
    const now = new Date()
    return { now: now.getTime(), ...(await overviewOf(options.store, now)) }
  })
  const route = createRoute({
    method: 'get',
    path: '/api/overview',
    summary: 'How the installation is doing at the moment',
    request: { query: noQuery },
    responses: {
      200: { description: 'The overview', content: { 'application/json': { schema: overview } } },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { logins, intake: tables, ...rest } = await newest()
    const waiting = options.lag?.() ?? null
    return c.json(
      { ...rest, logins: [...logins], intake: [...tables], lag: waiting === null ? null : [...waiting] },
      200,
    )
  })
}

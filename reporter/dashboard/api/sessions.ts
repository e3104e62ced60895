import { SUBJECTS } from '../../../access/subjects.ts'
import { createRoute, z } from '@hono/zod-openapi'
import { reportsWithin } from '../../queries/gateways.ts'
import { countSessions, listSessions, session } from '../../queries/sessions.ts'
import { sessionEvent, sessionTimeline } from '../../queries/session-timeline.ts'
import { audit, type Dashboard } from '../context.ts'
import { requireOperator } from '../guard.ts'
import { problem, Refusal, REFUSALS } from '../problem.ts'
import {
  canonical,
  flag,
  mac,
  offsetOf,
  pageNumber,
  queryOf,
  text,
  TOTAL_COUNT,
  totalCount,
  whole,
} from './parameters.ts'

const one = session.extend({ incoming: z.number(), outgoing: z.number(), reports: z.number() }).openapi('Session')
const decided = z.object({
  subject: z.string(),
  verdict: z.string(),
  within_seconds: z.number().nullable().openapi({
    description:
      "The time in which its gateway's next report comes, as its heartbeats show it; null: not a gateway's, or of one that has sent no counters for a day",
  }),
})
const missing = { description: 'There is no such session', content: { 'application/json': { schema: problem } } }
const key = {
  params: z.object({ id: z.string().min(1).max(256) }),
  query: queryOf({ gateway: text.openapi({ description: 'Where several gateways used the id' }) }),
}

/** `GET /api/sessions` */
export function sessionsRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const route = createRoute({
    method: 'get',
    path: '/api/sessions',
    summary: 'Sessions, those that were seen last first',
    description: 'Recorded in table audit_log.',
    request: {
      query: queryOf({
        mac,
        account: text,
        gateway: text,
        active: flag,
        limit: whole(100, 500),
        page: pageNumber(),
      }),
    },
    responses: {
      200: {
        description: 'The sessions',
        headers: totalCount,
        content: { 'application/json': { schema: z.array(one) } },
      },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const asked = c.req.valid('query')
    const { mac: device, account, gateway, active, limit, page } = asked
    const searched = device !== undefined || account !== undefined
    await audit(dashboard, c, searched ? 'sessions_search' : 'sessions_listed', canonical(asked))
    const search = {
      active,
      limit,
      offset: offsetOf({ page, limit }),
      ...(device === undefined ? {} : { mac: device }),
      ...(account === undefined ? {} : { account }),
      ...(gateway === undefined ? {} : { gateway }),
    }
    const found = await listSessions(options.store, search)
    const isAll = page === 1 && found.length < limit
    const total = isAll ? found.length : await countSessions(options.store, search)
    return c.json(found, 200, { [TOTAL_COUNT]: String(total) })
  })
}

/** `GET /api/sessions/{id}` */
export function sessionRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const bytes = z.number().nullable()
  const event = sessionEvent.extend({ incoming: bytes, outgoing: bytes })
  const life = z
    .object({
      session: one,
      events: z.array(event).openapi({ description: 'Its 500 newest reports, the oldest of them first' }),
      truncated: z.boolean(),
    })
    .openapi('SessionLife')
  const route = createRoute({
    method: 'get',
    path: '/api/sessions/{id}',
    summary: 'The life of a session',
    description: 'Recorded in table audit_log.',
    request: key,
    responses: {
      200: { description: 'The session and its reports', content: { 'application/json': { schema: life } } },
      404: missing,
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { id } = c.req.valid('param')
    await audit(dashboard, c, 'session_viewed', SUBJECTS.session.of(id))
    const found = await sessionOf(options.store, id, c.req.valid('query').gateway)
    const { events, truncated } = await sessionTimeline(options.store, found)
    return c.json({ session: found, events: [...events], truncated }, 200)
  })
}

/** `POST /api/sessions/{id}/cut-off`: available only if this process can reach the access log. */
export function cutOffRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const { cutOff } = options
  if (cutOff === null) return
  const route = createRoute({
    method: 'post',
    path: '/api/sessions/{id}/cut-off',
    summary: 'Cut a session off',
    description:
      'Denies the session for good, as `gatepost access deny session` does: its gateway removes the client with its next report; a NAS of RADIUS is asked to end it (GATEPOST_RADIUS_DAE). Takes the role operator; recorded in table audit_log.',
    request: {
      ...key,
      body: {
        required: true,
        content: { 'application/json': { schema: z.object({ reason: z.string().max(256).default('') }) } },
      },
    },
    responses: {
      200: {
        description: 'It is decided',
        content: { 'application/json': { schema: decided } },
      },
      403: { ...missing, description: 'This takes the role operator' },
      404: missing,
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { id: asked } = c.req.valid('param')
    requireOperator(dashboard, c, SUBJECTS.session.of(asked))
    const session = await sessionOf(options.store, asked, c.req.valid('query').gateway)
    const { session_id: id, source } = session
    if (source !== 'wifidog' && !options.disconnects)
      throw new Refusal(400, 'a NAS is asked to end a session only if GATEPOST_RADIUS_DAE says how: end it there')
    const subject = SUBJECTS.session.of(id)
    await audit(dashboard, c, 'session_cut_off', subject)
    await cutOff(id, c.req.valid('json').reason)
    const within_seconds = source === 'wifidog' ? (await reportsWithin(options.store, [session]))[0] : null
    return c.json({ subject, verdict: 'deny', within_seconds }, 200)
  })
}

async function sessionOf(store: Dashboard['options']['store'], id: string, gateway: string | undefined) {
  const [found] = await listSessions(store, {
    active: false,
    limit: 1,
    id,
    ...(gateway === undefined ? {} : { gateway }),
  })
  if (found === undefined) throw new Refusal(404, `there is no session ${id}`)
  return found
}

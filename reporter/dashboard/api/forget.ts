import { createRoute, z } from '@hono/zod-openapi'
import { requireOperator } from '../guard.ts'
import { audit, type Dashboard } from '../context.ts'
import type { Person } from '../../../privacy/person.ts'
import { problem, Refusal, REFUSALS } from '../problem.ts'
import { mac, noQuery, text } from './parameters.ts'

const asked = z
  .object({
    user: text.openapi({ description: 'The account, or the user name at a RADIUS server' }),
    mac,
    dry_run: z.boolean().default(true).openapi({ description: 'Only count what would be removed' }),
  })
  .openapi('Forget')

const forgotten = z
  .object({
    dry_run: z.boolean(),
    tables: z.record(z.string(), z.number()).openapi({ description: 'Rows by table' }),
    access_control: z.number().openapi({ description: 'Entries of the access-control log' }),
    archive: z.object({ segments: z.number(), records: z.number() }),
    remains: z.array(z.string()).openapi({ description: 'Where the person may still be, and until when' }),
  })
  .openapi('Forgotten')

/** `POST /api/forget`. The person is named in the body, because URLs are logged in many places. */
export function forgetRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const refusal = (description: string) => ({ description, content: { 'application/json': { schema: problem } } })
  const route = createRoute({
    method: 'post',
    path: '/api/forget',
    summary: 'Forget a person',
    description:
      'As `gatepost forget` does: one of user and mac. It takes some seconds, or minutes where there is much. Takes the role operator; every try is recorded in table audit_log, with a keyed hash for the person.',
    request: { query: noQuery, body: { required: true, content: { 'application/json': { schema: asked } } } },
    responses: {
      200: {
        description: 'What was removed, or would be',
        content: { 'application/json': { schema: forgotten } },
      },
      403: refusal('This takes the role operator'),
      409: refusal('This process cannot, or somebody is being forgotten right now'),
      ...REFUSALS,
    },
  })
  let busy = false
  app.openapi(route, async (c) => {
    const { dry_run: dryRun, ...given } = c.req.valid('json')
    const { forgetter } = options
    const able = typeof forgetter === 'string' ? null : forgetter
    const person = personOf(given)
    // Logs a hash, never the value: otherwise the audit log would name the person who was forgotten.
    const subject = able === null ? person.kind : `${person.kind}:${able.hash(person)}`
    requireOperator(dashboard, c, subject)
    await audit(dashboard, c, able === null ? 'forget_refused' : dryRun ? 'forget_counted' : 'forget', subject)
    if (typeof forgetter === 'string') throw new Refusal(409, forgetter)
    if (busy) throw new Refusal(409, 'somebody is being forgotten right now; try again when that is done')
    busy = true
    try {
      const found = await forgetter.forget(person, dryRun)
      return c.json({ ...found, tables: { ...found.tables }, remains: [...found.remains] }, 200)
    } finally {
      busy = false
    }
  })
}

function personOf({ user, mac: device }: { user?: string | undefined; mac?: string | undefined }): Person {
  if (user !== undefined && device === undefined) return { kind: 'user', value: user }
  if (user === undefined && device !== undefined) return { kind: 'mac', value: device }
  throw new Refusal(400, 'user, mac: give one of them')
}

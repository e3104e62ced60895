import { createRoute, z } from '@hono/zod-openapi'
import { requireOperator } from '../guard.ts'
import { audit, type Dashboard } from '../context.ts'
import { noQuery } from './parameters.ts'
import { problem, Refusal, REFUSALS } from '../problem.ts'

const MAX_PAYLOAD = 1024 * 1024

const outcome = z
  .object({
    table: z.string(),
    received_at: z.string(),
    rows: z.number().openapi({ description: '0: it was there already' }),
  })
  .openapi('LetterOutcome')

/** `POST /api/dead-letters/{batch_id}/{batch_index}/replay`: available only if this process writes the tables. */
export function replayLetterRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const { replayLetter } = options
  if (replayLetter === null) return
  const refusal = (description: string) => ({ description, content: { 'application/json': { schema: problem } } })
  const route = createRoute({
    method: 'post',
    path: '/api/dead-letters/{batch_id}/{batch_index}/replay',
    summary: 'Store the record of a dead letter',
    description:
      'As `gatepost dead-letters replay` does: once, however often it is asked. Takes the role operator; recorded in table audit_log.',
    request: {
      query: noQuery,
      params: z.object({
        batch_id: z.guid(),
        batch_index: z.coerce
          .number()
          .int()
          .min(0)
          .max(2 ** 31 - 1),
      }),
      body: {
        required: true,
        content: {
          'application/json': {
            schema: z.object({
              payload: z.string().max(MAX_PAYLOAD).optional().openapi({ description: 'Instead of what was sent' }),
            }),
          },
        },
      },
    },
    responses: {
      200: { description: 'It is stored', content: { 'application/json': { schema: outcome } } },
      403: refusal('This takes the role operator'),
      404: refusal('There is none'),
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { batch_id: batchId, batch_index: batchIndex } = c.req.valid('param')
    const name = `${batchId}/${batchIndex}`
    requireOperator(dashboard, c, name)
    await audit(dashboard, c, 'dead_letter_replayed', name)
    const stored = await replayLetter({ batchId, batchIndex }, c.req.valid('json').payload ?? null)
    if (stored === null) throw new Refusal(404, `there is no dead letter ${name}`)
    return c.json(stored, 200)
  })
}

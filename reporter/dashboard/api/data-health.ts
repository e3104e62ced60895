import { createRoute, z } from '@hono/zod-openapi'
import { deadLetterReasons } from '../../queries/dead-letter-reasons.ts'
import { deadLetter, listDeadLetters } from '../../queries/dead-letters.ts'
import { tableIntake } from '../../queries/overview.ts'
import { listPublications } from '../../publish/publications.ts'
import { cached } from '../cached.ts'
import { auditOnce, type Dashboard } from '../context.ts'
import { REFUSALS } from '../problem.ts'
import { noQuery } from './parameters.ts'
import { intake, lag } from './overview.ts'

const CACHE_MS = 2000
const LETTERS = 50
const PUBLICATIONS = 50

const report = z
  .object({
    now: z.number().openapi({ description: 'ms since the epoch' }),
    lag,
    refused: z
      .array(z.object({ kind: z.enum(['record', 'request']), of: z.string(), reason: z.string(), count: z.number() }))
      .nullable()
      .openapi({
        description:
          'What ingest did not take since it was started, by reason; null: ingest runs elsewhere, or did not answer',
      }),
    intake,
    dead_letter_reasons: z
      .array(z.object({ source: z.string(), reason: z.string(), letters: z.number(), latest: z.string() }))
      .openapi({ description: 'Of the last seven days' }),
    dead_letters: z.array(deadLetter).openapi({ description: 'The 50 newest' }),
    publications: z
      .array(z.record(z.string(), z.unknown()))
      .openapi({ description: 'Rows of table publications, the 50 latest' }),
  })
  .openapi('DataHealth')

/** `GET /api/data-health` */
export function dataHealthRoute(dashboard: Dashboard): void {
  const { app, options } = dashboard
  const { store } = options
  const newest = cached(CACHE_MS, async () => {
    const [tables, reasons, letters, publications] = await Promise.all([
      tableIntake(store),
      deadLetterReasons(store),
      listDeadLetters(store, LETTERS),
      listPublications(store, { failed: false, limit: PUBLICATIONS }),
    ])
    return {
      now: Date.now(),
      intake: tables,
      dead_letter_reasons: reasons,
      dead_letters: letters,
      publications: publications as unknown as Record<string, unknown>[],
    }
  })
  const refused = cached(CACHE_MS, async () => (await options.refused?.()) ?? null)
  const route = createRoute({
    method: 'get',
    path: '/api/data-health',
    summary: 'Whether everything arrives: lag, what was refused, dead letters, publications',
    description:
      'Dead letters may name people: recorded in table audit_log, with one row for all requests of ten minutes after the first.',
    request: { query: noQuery },
    responses: {
      200: { description: 'The state of the data', content: { 'application/json': { schema: report } } },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    await auditOnce(dashboard, c, 'dead_letters_viewed', '')
    const waiting = options.lag?.() ?? null
    const [health, notTaken] = await Promise.all([newest(), refused()])
    const answer = { ...health, lag: waiting && [...waiting], refused: notTaken && [...notTaken] }
    return c.json(answer, 200)
  })
}

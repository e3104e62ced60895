import { createRoute, z } from '@hono/zod-openapi'
import { METRICS, metricNamed, type MetricDefinition } from '../../metrics/definitions.ts'
import { metricCsv } from '../../metrics/metric-csv.ts'
import { metricHistory, type History } from '../../metrics/metric-history.ts'
import type { Dashboard } from '../context.ts'
import { totalsOf } from './metric-totals.ts'
import { Refusal, REFUSALS } from '../problem.ts'
import { noQuery, queryOf, text } from './parameters.ts'

/** Maximum number of results per answer. */
const MAX_RESULTS = 800
/** Of an answer: 30 days of 6,000 gateways. */
const MAX_ROWS = 200_000
/** Series being computed or queued, in total: the engine has other work. */
const MAX_WAITING = 20

const definition = z
  .object({
    name: z.string(),
    description: z.string(),
    periods: z.array(z.enum(['hour', 'day', 'week', 'month'])),
    fields: z.array(z.string()),
    rows_per: z.enum(['site', 'gateway']).nullable(),
  })
  .openapi('Metric')

const history = z
  .object({
    results: z.array(z.record(z.string(), z.unknown())).openapi({
      description:
        'Objects of metric_name, period, date and the fields of the metric, or `rows` of them, the oldest first; with rows=last, all but the last have `totals` instead: the sum of each field, the mean of `ratio` and the most of `longest_gap_seconds`, and the last has both',
    }),
    expired: z
      .array(z.string())
      .openapi({ description: 'Dates whose raw data is deleted and of which nothing is stored' }),
    waiting: z.array(z.string()).openapi({ description: 'Dates that are computed when asked for again' }),
  })
  .openapi('History')

/** `GET /api/metrics` */
export function metricsRoute({ app }: Dashboard): void {
  const route = createRoute({
    method: 'get',
    path: '/api/metrics',
    summary: 'The usage metrics that there are',
    request: { query: noQuery },
    responses: {
      200: { description: 'Every metric', content: { 'application/json': { schema: z.array(definition) } } },
      ...REFUSALS,
    },
  })
  app.openapi(route, (c) =>
    c.json(
      METRICS.map(({ name, description, periods, fields, rowsPer }) => ({
        name,
        description,
        periods: [...periods],
        fields: Object.keys(fields.shape),
        rows_per: rowsPer ?? null,
      })),
      200,
    ),
  )
}

/** `GET /api/metrics/{name}` */
export function metricRoute({ app, options }: Dashboard): void {
  const oneByOne = queue(MAX_WAITING)
  const route = createRoute({
    method: 'get',
    path: '/api/metrics/{name}',
    summary: 'A metric over time',
    description:
      'Stored results, and up to 31 that are not stored yet, which are computed: the newest first. Each window ends when its date begins, UTC.',
    request: {
      params: z.object({ name: z.string().openapi({ example: 'active-users' }) }),
      query: queryOf({
        period: z.enum(['hour', 'day', 'week', 'month']).optional(),
        from: text.openapi({ description: 'The first date, as 2024-02-29, of period hour 2024-02-29T13' }),
        to: text.openapi({
          description:
            'The last date; tomorrow gives today so far. Without it: today; of weeks the latest Monday, of months the first of this one',
        }),
        rows: z.enum(['all', 'last']).default('all').openapi({ description: 'Of metrics that have rows, see results' }),
        format: z.enum(['json', 'csv']).default('json'),
      }),
    },
    responses: {
      200: {
        description: 'The results',
        content: { 'application/json': { schema: history }, 'text/csv': { schema: z.string() } },
      },
      404: { description: 'There is no such metric', ...jsonProblem },
      ...REFUSALS,
    },
  })
  app.openapi(route, async (c) => {
    const { name } = c.req.valid('param')
    const { period: asked, from, to, rows, format } = c.req.valid('query')
    const metric = metricNamed(name)
    if (metric === undefined) throw new Refusal(404, `there is no metric ${name}; GET /api/metrics lists them`)
    const period = asked ?? metric.periods[0]
    if (!metric.periods.includes(period))
      throw new Refusal(400, `period ${period}: of ${name} allowed is ${metric.periods.join(', ')}`)
    const complete = await oneByOne(() =>
      metricHistory(options.store, {
        metric,
        period,
        from,
        to,
        retention: options.retention,
        now: new Date(),
        most: MAX_RESULTS,
      }),
    )
    const found = rows === 'last' && format === 'json' ? withTotals(metric, complete) : complete
    if (rowsIn(found) > MAX_ROWS) throw new Refusal(400, `more than ${MAX_ROWS} rows; ask for fewer dates`)
    if (format === 'csv') {
      c.header('Content-Disposition', `attachment; filename="${name}-${period}.csv"`)
      return c.body(metricCsv(metric, found.results) + '\n', 200, {
        'Content-Type': 'text/csv; charset=utf-8',
      })
    }
    return c.json({ results: [...found.results], expired: [...found.expired], waiting: [...found.waiting] }, 200)
  })
}

const jsonProblem = { content: REFUSALS[400].content }

/** Sends the rows of the last result only. */
function withTotals(metric: MetricDefinition, history: History): History {
  if (metric.rowsPer === undefined) return history
  const last = history.results.length - 1
  const results = history.results.map((result, index) => {
    const { metric_name, period, date } = result
    const totals = totalsOf(metric, result)
    return index === last ? { ...result, totals } : { metric_name, period, date, totals }
  })
  return { ...history, results: results as unknown as History['results'] }
}

function rowsIn({ results }: History): number {
  return results.reduce((sum, result) => sum + (Array.isArray(result['rows']) ? result['rows'].length : 1), 0)
}

/** Runs one after the other, and refuses when too many are queued. */
function queue(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    if (waiting >= most) throw new Refusal(503, 'too many series are being computed; try again in a moment')
    waiting++
    const mine = last.then(work).finally(() => waiting--)
    last = mine.catch(() => {})
    return mine
  }
}

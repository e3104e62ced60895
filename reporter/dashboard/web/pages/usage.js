import { get, query } from '../api.js'
import { chart } from '../chart.js'
import { card, field, h, nothing, search, table } from '../dom.js'
import { covered, datesFor, windowBegins } from '../periods.js'
import { bytes, number } from '../words.js'

const PERIODS = ['day', 'week', 'month']
const isBytes = (name) => name === 'incoming' || name === 'outgoing'

export async function page(main, { parameters }) {
  const metrics = await get('/api/metrics')
  const asked = metrics.find(({ name }) => name === parameters.get('metric'))
  if (parameters.get('metric') !== null && asked === undefined)
    throw new Error(`there is no metric ${parameters.get('metric')}`)
  main.append(h('h1', null, 'Usage'))
  const period = parameters.get('period') ?? asked?.periods[0] ?? 'day'
  main.append(
    search(
      'Metric and time',
      field('Metric', 'metric', asked?.name, [['', 'all'], ...metrics.map(({ name }) => name)]),
      field('Period', 'period', period, asked?.periods ?? PERIODS),
      field('First day (UTC)', 'from', parameters.get('from'), undefined, { type: 'date' }),
      field('Last day (UTC)', 'to', parameters.get('to'), undefined, { type: 'date' }),
      h('button', { class: 'main' }, 'Show'),
    ),
  )
  const days = { from: parameters.get('from'), to: parameters.get('to') }
  const range = { period, ...datesFor(period, days.from, days.to) }
  if (asked === undefined) await allMetrics(main, metrics, range, days)
  else await oneMetric(main, asked, range)
}

/** One after the other: what is not stored yet is computed. */
async function allMetrics(main, metrics, range, days) {
  const { period } = range
  const grid = h('div', { class: 'grid wide' })
  main.append(grid)
  for (const metric of metrics.filter(({ periods }) => periods.includes(period))) {
    const box = card(
      h('h2', null, h('a', { href: `/usage?${query({ metric: metric.name, period, ...days })}` }, metric.name)),
      h('p', { class: 'quiet' }, metric.description),
    )
    grid.append(box)
    try {
      const found = await history(metric, range)
      box.append(found.results.length === 0 ? h('p', null, 'No results') : drawn(metric, period, found, 150))
    } catch (error) {
      box.append(h('p', { class: 'bad' }, error.message))
    }
  }
}

async function oneMetric(main, metric, range) {
  const { name } = metric
  const { period } = range
  const found = await history(metric, range)
  const { results, expired, waiting } = found
  if (results.length === 0) {
    main.append(
      nothing(
        `No result of ${name} is stored for this time, and its raw data has expired. Choose a later time, or list the stored results:`,
        `gatepost metrics ${name} --period ${period}`,
      ),
    )
    return
  }
  const plot = drawn(metric, period, found, 340)
  const csv = `/api/metrics/${name}?${query({ ...range, format: 'csv' })}`
  main.append(
    card(
      h('h2', null, `${name}, by ${period}`),
      h(
        'p',
        { class: 'quiet' },
        `${metric.description}. Each value is labelled with the ${period} that it covers (UTC); exports have the date at which that ${period} ends.`,
      ),
      plot,
      h(
        'p',
        { class: 'actions' },
        h('a', { class: 'button', href: csv, download: '' }, 'Export CSV'),
        h('button', { type: 'button', onclick: () => plot.png(`${name}-${period}.png`) }, 'Export PNG'),
      ),
      waiting.length === 0
        ? null
        : h(
            'p',
            { class: 'warn' },
            `${waiting.length} dates are not computed yet: `,
            h('a', { href: location.href }, 'compute more'),
          ),
      expired.length === 0
        ? null
        : h('p', { class: 'quiet' }, `For ${expired.length} dates the raw data has expired and no result is stored.`),
    ),
    card(valuesTable(metric, period, results)),
    ...(metric.rows_per === null ? [] : [card(rowsTable(metric, period, results))]),
  )
}

const history = ({ name }, range) => get(`/api/metrics/${name}?${query({ ...range, rows: 'last' })}`)

const numeric = ({ fields, rows_per }) =>
  fields.filter((field) => field !== 'run_time' && field !== (rows_per === 'site' ? 'site_ip' : 'gw_id'))

/** Of a metric with rows its totals: sums; of a ratio the mean, of a gap the longest. */
const valueOf = (metric, result, field) => (metric.rows_per === null ? result : result.totals)[field]

function drawn(metric, period, { results }, height) {
  const times = results.map(({ date }) => windowBegins(period, date).getTime() / 1000)
  const labels = new Map(results.map(({ date }, index) => [times[index], covered(period, date)]))
  const fields = numeric(metric)
  return chart({
    title: metric.name,
    times,
    timeLabel: [period, (seconds) => labels.get(seconds)],
    height,
    legend: height > 200,
    series: fields.map((field) => ({
      label: label(metric, field),
      values: results.map((result) => valueOf(metric, result, field)),
    })),
    format: fields.some(isBytes) ? bytes : number,
  })
}

function label({ rows_per }, field) {
  if (rows_per === null) return field
  return field === 'ratio'
    ? 'ratio (mean)'
    : field === 'longest_gap_seconds'
      ? 'longest_gap_seconds (most)'
      : `${field} (sum)`
}

const shown = (field, value) =>
  isBytes(field) ? bytes(value) : typeof value === 'number' ? String(Number(value.toFixed(4))) : (value ?? '–')

function valuesTable(metric, period, results) {
  const columns = numeric(metric).map((field) => [
    label(metric, field),
    (result) => shown(field, valueOf(metric, result, field)),
    'number',
  ])
  return table(
    'Values, the latest first',
    [[period, ({ date }) => covered(period, date)], ...columns],
    [...results].reverse(),
  )
}

const MAX_ROWS = 100

function rowsTable(metric, period, results) {
  const last = results[results.length - 1]
  const columns = metric.fields.map((field) => [
    field,
    (row) => shown(field, row[field]),
    numeric(metric).includes(field) ? 'number' : undefined,
  ])
  return table(
    `By ${metric.rows_per}, ${covered(period, last.date)}${last.rows.length > MAX_ROWS ? `: ${MAX_ROWS} of ${number(last.rows.length)}, the export has all` : ''}`,
    columns,
    last.rows.slice(0, MAX_ROWS),
  )
}

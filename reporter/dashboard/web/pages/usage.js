import { get, query } from '../api.js'
import { chart } from '../chart.js'
import { card, field, h, nothing, search, table } from '../dom.js'
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
      field('From (UTC)', 'from', parameters.get('from'), undefined, { placeholder: '2024-02-01', size: 12 }),
      field('To (UTC)', 'to', parameters.get('to'), undefined, { placeholder: 'today', size: 12 }),
      h('button', { class: 'main' }, 'Show'),
    ),
  )
  const range = { period, from: parameters.get('from'), to: parameters.get('to') }
  if (asked === undefined) await allMetrics(main, metrics, range)
  else await oneMetric(main, asked, range)
}

/** One after the other: what is not stored yet is computed. */
async function allMetrics(main, metrics, range) {
  const grid = h('div', { class: 'grid wide' })
  main.append(grid)
  for (const metric of metrics.filter(({ periods }) => periods.includes(range.period))) {
    const box = card(
      h('h2', null, h('a', { href: `/usage?${query({ metric: metric.name, ...range })}` }, metric.name)),
      h('p', { class: 'quiet' }, metric.description),
    )
    grid.append(box)
    try {
      const found = await history(metric, range)
      box.append(found.results.length === 0 ? h('p', null, 'No results') : drawn(metric, found, 150))
    } catch (error) {
      box.append(h('p', { class: 'bad' }, error.message))
    }
  }
}

async function oneMetric(main, metric, range) {
  const { name } = metric
  const found = await history(metric, range)
  const { results, expired, waiting } = found
  if (results.length === 0) {
    main.append(
      nothing(
        `No result of ${name} is stored for this time, and its raw data has expired. Choose a later time, or list the stored results:`,
        `gatepost metrics ${name} --period ${range.period}`,
      ),
    )
    return
  }
  const plot = drawn(metric, found, 340)
  const csv = `/api/metrics/${name}?${query({ ...range, format: 'csv' })}`
  main.append(
    card(
      h('h2', null, `${name}, by ${range.period}`),
      h('p', { class: 'quiet' }, `${metric.description}. Each value covers the ${range.period} before its date (UTC).`),
      plot,
      h(
        'p',
        { class: 'actions' },
        h('a', { class: 'button', href: csv, download: '' }, 'Export CSV'),
        h('button', { type: 'button', onclick: () => plot.png(`${name}-${range.period}.png`) }, 'Export PNG'),
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
    card(valuesTable(metric, results)),
    ...(metric.rows_per === null ? [] : [card(rowsTable(metric, results))]),
  )
}

const history = ({ name }, range) => get(`/api/metrics/${name}?${query(range)}`)

const numeric = ({ fields, rows_per }) =>
  fields.filter((field) => field !== 'run_time' && field !== (rows_per === 'site' ? 'site_ip' : 'gw_id'))

/** Of a metric with rows: sums; of a ratio the mean, of a gap the longest. */
function valueOf(metric, result, field) {
  if (metric.rows_per === null) return result[field]
  const values = result.rows.map((row) => row[field])
  if (values.length === 0) return 0
  if (field === 'longest_gap_seconds') return Math.max(...values)
  const sum = values.reduce((all, value) => all + value, 0)
  return field === 'ratio' ? sum / values.length : sum
}

function drawn(metric, { results }, height) {
  const times = results.map(
    ({ date }) => Date.parse(date.length === 13 ? `${date}:00:00Z` : `${date}T00:00:00Z`) / 1000,
  )
  const fields = numeric(metric)
  return chart({
    title: metric.name,
    times,
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

function valuesTable(metric, results) {
  const columns = numeric(metric).map((field) => [
    label(metric, field),
    (result) => shown(field, valueOf(metric, result, field)),
    'number',
  ])
  return table('Values, the latest first', [['date', ({ date }) => date], ...columns], [...results].reverse())
}

const MAX_ROWS = 100

function rowsTable(metric, results) {
  const last = results[results.length - 1]
  const columns = metric.fields.map((field) => [
    field,
    (row) => shown(field, row[field]),
    numeric(metric).includes(field) ? 'number' : undefined,
  ])
  return table(
    `By ${metric.rows_per}, as of ${last.date}${last.rows.length > MAX_ROWS ? `, the first ${MAX_ROWS}` : ''}`,
    columns,
    last.rows.slice(0, MAX_ROWS),
  )
}

import { GatepostError } from '../common/errors.ts'
import { daysKept, type MetricDefinition } from '../reporter/metrics/definitions.ts'
import { computeMetric, requestedWindow } from '../reporter/metrics/metric.ts'
import { computeSeries, seriesDates } from '../reporter/metrics/series.ts'
import type { Period } from '../reporter/metrics/window.ts'
import type { Retention } from '../store/retention.ts'
import { loadConfig } from '../runtime/config/config.ts'
import { withStore } from '../runtime/instance/connect.ts'
import type { Context } from './context.ts'
import { EXIT } from './exit-code.ts'
import { terminalLine } from '../common/terminal-line.ts'
import { metricText, seriesText } from './metric-output.ts'
import { metricCsv } from '../reporter/metrics/metric-csv.ts'

/** Options of the command line. */
export interface MetricOptions {
  readonly period: Period
  readonly date?: string
  readonly from?: string
  readonly to?: string
  readonly json?: true
  readonly csv?: true
  readonly partial?: true
}

/** One result: prints it. @returns the exit status */
export async function runOne(context: Context, metric: MetricDefinition, options: MetricOptions): Promise<number> {
  if (options.to !== undefined)
    throw new GatepostError('INPUT_INVALID', '--to is the end of a series: it goes with --from')
  const config = loadConfig(context.env)
  const { period, date, partial = false } = options
  const request = { metric, period, date, partial, retention: config.retention, now: new Date() }
  requestedWindow(request)
  const note = (text: string) => context.output.note(text)
  const outcome = await withStore(config, note, (store) => computeMetric(store, request))
  if (outcome.outcome === 'expired') {
    note(expiredNote(metric, config.retention, 'that window', outcome.oldestCompleteDay))
    return EXIT.noData
  }
  const { result } = outcome
  if (options.json) context.output.json(result)
  else if (options.csv) context.output.line(metricCsv(metric, [result]))
  else {
    context.output.line(metricText(metric, result))
    if (result.stored) note('stored earlier: the raw data of this window has expired')
    if (result.complete === false) note('partial: this window is not over, or part of its raw data has expired')
  }
  return EXIT.ok
}

/** A series: prints the results that exist or can be computed. @returns the exit status */
export async function runSeries(context: Context, metric: MetricDefinition, options: MetricOptions): Promise<number> {
  const config = loadConfig(context.env)
  const { period, from = '', to, partial = false } = options
  const request = { metric, period, from, to, partial, retention: config.retention, now: new Date() }
  seriesDates(request)
  const note = (text: string) => context.output.note(text)
  const { results, expired, oldestCompleteDay } = await withStore(config, note, async (store) => {
    try {
      return await computeSeries(store, request, (date, done, all) => {
        terminalLine(`${metric.name}: ${date}, ${done} of ${all}`)
      })
    } finally {
      terminalLine('')
    }
  })
  if (options.json) context.output.json(results)
  else if (options.csv) context.output.line(metricCsv(metric, results))
  else {
    context.output.line(seriesText(metric, results))
    const partly = results.filter(({ complete }) => complete === false).map(({ date }) => date)
    if (partly.length > 0)
      note(`partial: the windows of ${partly.join(', ')} are not over, or part of their raw data has expired`)
  }
  if (oldestCompleteDay === null) return EXIT.ok
  const windows = `${expired.length} windows, ${expired[0]} to ${expired.at(-1)}`
  note(expiredNote(metric, config.retention, windows, oldestCompleteDay))
  return EXIT.noData
}

function expiredNote(metric: MetricDefinition, retention: Retention, windows: string, oldest: string): string {
  const days = daysKept(metric, retention)
  return (
    `gatepost: ${metric.name}: raw data is kept for ${days} days and no result is stored for ${windows}; ` +
    `the oldest complete day is ${oldest} (--partial computes from what is left)`
  )
}

import pRetry from 'p-retry'
import { messageOf } from '../../common/errors.ts'
import type { Retention } from '../../store/retention.ts'
import { dateText, latestComplete } from '../metrics/dates.ts'
import { METRICS, type MetricDefinition } from '../metrics/definitions.ts'
import { computeMetric, type MetricResult } from '../metrics/metric.ts'
import type { TableStore } from '../../store/table-store.ts'
import type { Period } from '../metrics/window.ts'
import { recordPublication, wasSent } from './publications.ts'
import { PublishError, type Publisher } from './publisher.ts'

export interface PublishRequest {
  readonly store: TableStore
  readonly publishers: readonly Publisher[]
  readonly period: Period
  /** D; undefined: the latest D whose windows are over. */
  readonly date: string | undefined
  /** Metrics to publish; undefined: all of the period. */
  readonly only: readonly string[] | undefined
  readonly retention: Retention
  readonly now: Date
  /** Whether to send unchanged results again. */
  readonly again: boolean
  readonly retry?: RetryTimes
  readonly stopped?: () => boolean
  /** Called before each message that is sent. */
  readonly progress?: (metric: string, publisher: string) => void
}

export interface RetryTimes {
  readonly retries: number
  readonly firstMs: number
  readonly maxMs: number
}

/** The outcome for one result at one publisher. */
export interface PublishOutcome {
  readonly publisher: string
  readonly metric_name: string
  readonly period: string
  readonly date: string
  /** `unchanged`: exactly this message was sent before. `skipped`: there is no result to send. */
  readonly status: 'sent' | 'failed' | 'unchanged' | 'skipped'
  readonly answer: string
}

/** 1, 2, 4 ... seconds with jitter: half a minute in total. */
const RETRY: RetryTimes = { retries: 5, firstMs: 1000, maxMs: 15_000 }

/** The metrics published for a period, in the order of METRICS. */
export function metricsOf(period: Period, only?: readonly string[]): MetricDefinition[] {
  return METRICS.filter(({ name, periods }) => periods.includes(period) && (only === undefined || only.includes(name)))
}

/**
 * Computes the metrics of a period and sends each result to every publisher that takes it. A failure at one publisher does not affect the
 * others.
 * @throws GatepostError of the store; INPUT_INVALID: an invalid date
 */
export async function publish(request: PublishRequest): Promise<PublishOutcome[]> {
  const outcomes: PublishOutcome[] = []
  for (const metric of metricsOf(request.period, request.only)) {
    if (request.stopped?.()) break
    const publishers = request.publishers.filter((publisher) => publisher.takes(metric))
    if (publishers.length === 0) continue
    const result = await resultOf(request, metric)
    for (const publisher of publishers) {
      if (request.stopped?.()) break
      if ('skipped' in result) {
        outcomes.push(skippedOutcome(publisher, metric, request, result.skipped))
        continue
      }
      outcomes.push(await publishOne(request, publisher, metric, result.result))
    }
  }
  return outcomes
}

function skippedOutcome(
  publisher: Publisher,
  metric: MetricDefinition,
  { period, date, now }: PublishRequest,
  answer: string,
): PublishOutcome {
  const D = date ?? dateText(period, latestComplete(period, now))
  return { publisher: publisher.name, metric_name: metric.name, period, date: D, status: 'skipped', answer }
}

async function resultOf(
  { store, period, date, retention, now }: PublishRequest,
  metric: MetricDefinition,
): Promise<{ readonly result: MetricResult } | { readonly skipped: string }> {
  const computed = await computeMetric(store, { metric, period, date, partial: false, retention, now })
  if (computed.outcome === 'expired') {
    const oldest = computed.oldestCompleteDay
    return { skipped: `raw data is deleted and no result is stored; the oldest complete day is ${oldest}` }
  }
  if (computed.result.complete === false) return { skipped: 'the window is not over' }
  return { result: computed.result }
}

async function publishOne(
  request: PublishRequest,
  publisher: Publisher,
  metric: MetricDefinition,
  result: MetricResult,
): Promise<PublishOutcome> {
  const { store, again, retry = RETRY, stopped } = request
  const { metric_name, period, date } = result
  const message = publisher.message(result)
  const about = { publisher: publisher.name, metric_name, period, date }
  if (!again && (await wasSent(store, publisher.name, result, message))) {
    return { ...about, status: 'unchanged', answer: 'this was sent before' }
  }
  request.progress?.(metric_name, publisher.name)
  let attempts = 0
  let status: 'sent' | 'failed' = 'sent'
  let answer: string
  try {
    answer = await pRetry(
      () => {
        attempts++
        return publisher.send(metric, message)
      },
      {
        retries: retry.retries,
        minTimeout: retry.firstMs,
        maxTimeout: retry.maxMs,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof PublishError && error.retryable && stopped?.() !== true,
      },
    )
  } catch (error) {
    status = 'failed'
    answer = messageOf(error)
  }
  await recordPublication(store, publisher.name, result, message, { status, answer, attempts })
  return { ...about, status, answer }
}

/** A message that would be sent, and its target. */
export interface Draft {
  readonly publisher: string
  readonly metric_name: string
  readonly target: string
  readonly body: string
}

/** As publish(), but sends and records nothing. @throws as publish() */
export async function draft(request: PublishRequest): Promise<Draft[]> {
  const drafts: Draft[] = []
  for (const metric of metricsOf(request.period, request.only)) {
    const publishers = request.publishers.filter((publisher) => publisher.takes(metric))
    if (publishers.length === 0) continue
    const result = await resultOf(request, metric)
    if ('skipped' in result) continue
    for (const publisher of publishers) {
      drafts.push({ publisher: publisher.name, metric_name: metric.name, ...publisher.message(result.result) })
    }
  }
  return drafts
}

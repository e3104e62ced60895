import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricResult } from '../metrics/metric.ts'
import { beginningOf, DAY_MS, dayOf } from '../metrics/window.ts'
import { addressOf, answerText, sendOverHttp } from './http.ts'
import { PublishError, type Message, type Publisher } from './publisher.ts'

export interface PerformancePlatformOptions {
  readonly url: string
  readonly dataset: string
  /** By metric. */
  readonly bearers: Readonly<Record<string, string>>
}

/** The content of an element besides its identity. */
type Element = { readonly type?: string } & Readonly<Record<string, unknown>>

/** The elements of each metric that the platform accepts. */
const ELEMENTS: Readonly<Record<string, (result: MetricResult) => readonly Element[]>> = {
  'account-usage': ({ total, transactions, roaming, one_time }) => [
    { type: 'total', count: total },
    { type: 'transactions', count: transactions },
    { type: 'roaming', count: roaming },
    { type: 'one-time', count: one_time },
  ],
  'unique-users': ({ period, count }) => [period === 'month' ? { month_count: count } : { count }],
  'active-users': ({ users }) => [{ type: 'users', count: users }],
  'roaming-users': ({ active, roaming }) => [
    { type: 'active', count: active },
    { type: 'roaming', count: roaming },
  ],
}

/** Metrics whose elements differ only in their type, which is therefore part of their identity. */
const TYPED = new Set(['account-usage', 'roaming-users'])

/** The write API of the GOV.UK Performance Platform: docs/publishing.md. */
export class PerformancePlatform implements Publisher {
  readonly name = 'performance-platform'
  readonly #options: PerformancePlatformOptions

  constructor(options: PerformancePlatformOptions) {
    this.#options = options
  }

  takes({ name }: MetricDefinition): boolean {
    return name in ELEMENTS
  }

  message(result: MetricResult): Message {
    const { metric_name, period, date } = result
    const elements = ELEMENTS[metric_name](result)
    const { url, dataset } = this.#options
    const begins = beginningOf(date) as Date
    const timestamp = `${dayOf(new Date(begins.getTime() - DAY_MS))}T00:00:00+00:00`
    const body = elements.map((element) => {
      const type = TYPED.has(metric_name) ? element.type : ''
      return {
        _id: Buffer.from(`${timestamp}${dataset}${period}${metric_name}${type}`).toString('base64'),
        _timestamp: timestamp,
        dataType: metric_name,
        period,
        ...element,
      }
    })
    const path = `data/${encodeURIComponent(dataset)}/${metric_name}`
    return { target: addressOf(url, path).url, body: JSON.stringify(body) }
  }

  async send({ name }: MetricDefinition, { target, body }: Message): Promise<string> {
    const bearer = this.#options.bearers[name]
    if (bearer === undefined) {
      const variable = `GATEPOST_PERFORMANCE_BEARER_${name.toUpperCase().replaceAll('-', '_')}`
      throw new PublishError(`${variable} is not set`, false)
    }
    const headers = { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' }
    const { status, text } = await sendOverHttp({ method: 'POST', url: target, headers, body })
    if (status !== 200 || !isJson(text)) throw new PublishError(answerText(status, text), false)
    return answerText(status, text)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

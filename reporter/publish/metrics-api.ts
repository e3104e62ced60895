import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricResult } from '../metrics/metric.ts'
import { addressOf, answerText, sendOverHttp } from './http.ts'
import type { Message, Publisher } from './publisher.ts'

export interface MetricsApiOptions {
  readonly url: string
  readonly token: string
}

/** The totals of rolling windows and of the month so far, one number each: docs/publishing.md. */
export class MetricsApi implements Publisher {
  readonly name = 'metrics-api'
  readonly #options: MetricsApiOptions

  constructor(options: MetricsApiOptions) {
    this.#options = options
  }

  takes({ fields }: MetricDefinition): boolean {
    return 'run_time' in fields.shape
  }

  message(result: MetricResult): Message {
    const { metric_name, users, run_time } = result as MetricResult & {
      readonly users: number
      readonly run_time: string
    }
    const body = { name: metric_name, value: String(users), datetime: `${run_time}T00:00:00Z` }
    return { target: addressOf(this.#options.url, 'v1/record').url, body: JSON.stringify(body) }
  }

  async send(_metric: MetricDefinition, { target, body }: Message): Promise<string> {
    const headers = { Authorization: `Bearer ${this.#options.token}`, 'Content-Type': 'application/json' }
    const { status, text } = await sendOverHttp({ method: 'POST', url: target, headers, body })
    return answerText(status, text)
  }
}

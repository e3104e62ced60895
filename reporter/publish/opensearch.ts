import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricResult } from '../metrics/metric.ts'
import { addressOf, answerText, sendOverHttp } from './http.ts'
import { resultJson, resultKey, type Message, type Publisher } from './publisher.ts'

const DEFAULT_INDEX = 'gatepost-metrics'

/** One document for each result, with its key as id: docs/publishing.md. The address may end in the name of an index. */
export class OpenSearch implements Publisher {
  readonly name = 'opensearch'
  readonly #url: string

  constructor(url: string) {
    this.#url = new URL(url).pathname === '/' ? new URL(DEFAULT_INDEX, url).href : url
  }

  takes(): boolean {
    return true
  }

  message(result: MetricResult): Message {
    const path = `_doc/${encodeURIComponent(resultKey(result))}`
    return { target: addressOf(this.#url, path).url, body: resultJson(result) }
  }

  async send(_metric: MetricDefinition, { target, body }: Message): Promise<string> {
    const { authorization } = addressOf(this.#url, '')
    const headers = {
      'Content-Type': 'application/json',
      ...(authorization === null ? {} : { Authorization: authorization }),
    }
    const { status, text } = await sendOverHttp({ method: 'PUT', url: target, headers, body })
    return answerText(status, text)
  }
}

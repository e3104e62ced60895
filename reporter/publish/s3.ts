import { createHash } from 'node:crypto'
import { AwsClient } from 'aws4fetch'
import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricResult } from '../metrics/metric.ts'
import { addressOf, answerText, sendOverHttp } from './http.ts'
import { resultJson, resultPath, type Message, type Publisher } from './publisher.ts'

export interface S3Options {
  /** URL of the service, without the bucket. */
  readonly url: string
  readonly bucket: string
  readonly region: string
  /** Undefined: requests are not signed. */
  readonly accessKeyId: string | undefined
  readonly secretAccessKey: string | undefined
}

/** One object per result in any S3-compatible store, with path-style addresses: docs/publishing.md. */
export class S3 implements Publisher {
  readonly name = 's3'
  readonly #options: S3Options
  readonly #send: typeof fetch

  constructor(options: S3Options) {
    this.#options = options
    const { accessKeyId, secretAccessKey, region } = options
    if (accessKeyId === undefined || secretAccessKey === undefined) this.#send = fetch
    else {
      // The caller retries.
      const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 })
      this.#send = (input, init) => client.fetch(input, init)
    }
  }

  takes(): boolean {
    return true
  }

  message(result: MetricResult): Message {
    const path = `${encodeURIComponent(this.#options.bucket)}/${resultPath(result)}`
    return { target: addressOf(this.#options.url, path).url, body: resultJson(result) }
  }

  async send(_metric: MetricDefinition, { target, body }: Message): Promise<string> {
    // The body is signed too: stores require it over plain HTTP.
    const digest = createHash('sha256').update(body).digest('hex')
    const headers = { 'Content-Type': 'application/json', 'X-Amz-Content-Sha256': digest }
    const { status, text } = await sendOverHttp({ method: 'PUT', url: target, headers, body }, this.#send)
    return answerText(status, text)
  }
}

import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricKey } from '../metrics/stored-metric.ts'
import type { MetricResult } from '../metrics/metric.ts'

export const PUBLISHERS = ['performance-platform', 'metrics-api', 's3', 'opensearch', 'file', 'stdout'] as const
export type PublisherName = (typeof PUBLISHERS)[number]

/** The message of one publisher for one result. */
export interface Message {
  /** The target without credentials: a URL, or a file's path. */
  readonly target: string
  /** JSON. */
  readonly body: string
}

/** A target for results. docs/publishing.md. */
export interface Publisher {
  readonly name: PublisherName
  /** Whether this publisher sends results of this metric. */
  takes(metric: MetricDefinition): boolean
  /** PRECONDITION: takes() returned true. */
  message(result: MetricResult): Message
  /**
   * Sends a message once. Sending it again replaces it.
   * @returns the target's answer, for display
   * @throws PublishError
   */
  send(metric: MetricDefinition, message: Message): Promise<string>
}

/** The message was not sent, or not confirmed. */
export class PublishError extends Error {
  /** Whether the same message may be accepted later; false if the target refused it. */
  readonly retryable: boolean

  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'PublishError'
    this.retryable = retryable
  }
}

/** `active-users-day-2024-03-01`: the key that makes sending idempotent. */
export function resultKey({ metric_name, period, date }: MetricKey): string {
  return `${metric_name}-${period}-${date}`
}

/** `active_users/active_users-day-2024-03-01`: the name of a result if names are paths. */
export function resultPath({ metric_name, period, date }: MetricKey): string {
  const name = metric_name.replaceAll('-', '_')
  return `${name}/${name}-${period}-${date}`
}

/** The JSON document of a result, as `gatepost metrics NAME --json` prints it. */
export function resultJson(result: MetricResult): string {
  // Without the flags about how the result was computed.
  return JSON.stringify({ ...result, stored: undefined })
}

import type { MetricDefinition } from '../metrics/definitions.ts'
import type { MetricKey } from '../metrics/stored-metric.ts'
import type { MetricResult } from '../metrics/metric.ts'

export const PUBLISHERS = ['performance-platform', 'metrics-api', 's3', 'opensearch', 'file', 'stdout'] as const
export type PublisherName = (typeof PUBLISHERS)[number]

/** What one publisher sends of one result. */
export interface Message {
  /** Where it goes, without credentials: a URL, or a file's path. */
  readonly target: string
  /** JSON. */
  readonly body: string
}

/** A place that results are sent to. METRICS.md, "Publishers". */
export interface Publisher {
  readonly name: PublisherName
  /** Whether results of this metric are for this place. */
  takes(metric: MetricDefinition): boolean
  /** PRECONDITION: it takes the metric. */
  message(result: MetricResult): Message
  /**
   * Sends it, once. A message that is sent again replaces itself.
   * @returns what the place answered, for people
   * @throws PublishError
   */
  send(metric: MetricDefinition, message: Message): Promise<string>
}

/** It was not sent, or nobody said that it was. */
export class PublishError extends Error {
  /** Whether the same message may be taken later: not so when it was understood and refused. */
  readonly retryable: boolean

  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'PublishError'
    this.retryable = retryable
  }
}

/** `active-users-day-2024-03-01`: what makes sending a result twice the same as sending it once. */
export function resultKey({ metric_name, period, date }: MetricKey): string {
  return `${metric_name}-${period}-${date}`
}

/** `active_users/active_users-day-2024-03-01`: the name of a result where names are paths. */
export function resultPath({ metric_name, period, date }: MetricKey): string {
  const name = metric_name.replaceAll('-', '_')
  return `${name}/${name}-${period}-${date}`
}

/** The one object of the metric, as `gatepost metrics NAME --json` prints it. */
export function resultJson(result: MetricResult): string {
  // How the result came about is nobody else's concern.
  return JSON.stringify({ ...result, stored: undefined })
}

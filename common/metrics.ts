import { Registry, type MetricObject, type MetricObjectWithValues, type MetricValue } from 'prom-client'

/**
 * Metrics that are read from plain fields at scrape time, so nothing is touched per request or record: a labelled inc() of prom-client
 * validates and hashes its labels on every call.
 */
export class PlainMetrics {
  readonly registry = new Registry()

  /** One value per set of labels; label values come from closed lists, never from input. */
  add(
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    read: () => Iterable<Sample>,
    aggregator: 'sum' | 'max' | 'first' = 'sum',
  ): void {
    this.#register({ name, help, type: metricType(type), aggregator }, () =>
      [...read()].map(({ value, labels }) => ({ value, labels: labels ?? {} })),
    )
  }

  /**
   * A histogram whose buckets are counted elsewhere: `counts[i]` values fell into bound i, the last element counts those beyond all bounds.
   */
  histogram(name: string, help: string, bounds: readonly number[], read: () => Iterable<HistogramSample>): void {
    this.#register({ name, help, type: metricType('histogram'), aggregator: 'sum' }, () =>
      [...read()].flatMap((sample) => histogramValues(name, bounds, sample)),
    )
  }

  /** For another process to aggregate. */
  json(): Promise<object[]> {
    return this.registry.getMetricsAsJSON()
  }

  #register(object: Omit<MetricObject, 'collect'>, values: () => MetricValue<string>[]): void {
    const metric = {
      ...object,
      get: () => Promise.resolve({ ...object, values: values() } as MetricObjectWithValues<MetricValue<string>>),
      reset: () => {},
    }
    this.registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0])
  }
}

/** prom-client's types declare numbers, but its code uses these words. */
function metricType(type: 'counter' | 'gauge' | 'histogram'): MetricObject['type'] {
  return type as unknown as MetricObject['type']
}

export interface Sample {
  readonly value: number
  readonly labels?: Record<string, string>
}

export interface HistogramSample {
  readonly labels: Record<string, string>
  readonly counts: readonly number[]
  readonly sum: number
}

function histogramValues(
  name: string,
  bounds: readonly number[],
  sample: HistogramSample,
): (MetricValue<string> & { metricName: string })[] {
  let cumulative = 0
  const values = bounds.map((bound, index) => {
    cumulative += sample.counts[index]
    return { metricName: `${name}_bucket`, value: cumulative, labels: { ...sample.labels, le: String(bound) } }
  })
  cumulative += sample.counts[bounds.length]
  values.push({ metricName: `${name}_bucket`, value: cumulative, labels: { ...sample.labels, le: '+Inf' } })
  values.push({ metricName: `${name}_sum`, value: sample.sum, labels: { ...sample.labels } as { le: string } })
  values.push({ metricName: `${name}_count`, value: cumulative, labels: { ...sample.labels } as { le: string } })
  return values
}

import type { Store } from '../../../store/contract.ts'
import { metricNamed } from '../definitions.ts'
import { computeMetric, type MetricOutcome, type MetricRequest } from '../metric.ts'
import type { MetricFields } from '../stored-metric.ts'
import { retentionOf } from '../../../store/retention.ts'

/** A metric as of noon of 12 June 2024, with nothing deleted by retention yet, unless the request says otherwise. */
export function compute(store: Store, name: string, request: Partial<MetricRequest> = {}): Promise<MetricOutcome> {
  const metric = metricNamed(name)
  if (!metric) throw new Error(`no metric ${name}`)
  return computeMetric(store, {
    metric,
    period: metric.periods[0],
    date: undefined,
    partial: false,
    retention: retentionOf(3650),
    now: new Date('2024-06-12T12:00:00.000Z'),
    ...request,
  })
}

/** Only the fields of the result. */
export async function fieldsOf(
  store: Store,
  name: string,
  request: Partial<MetricRequest> = {},
): Promise<Record<string, unknown>> {
  const outcome = await compute(store, name, request)
  if (outcome.outcome !== 'result') throw new Error(`${name}: expired`)
  const { metric_name, period, date, ...fields } = outcome.result
  if (metric_name !== name || period === '' || date === '') throw new Error(`${name}: a wrong key`)
  return fields satisfies MetricFields
}

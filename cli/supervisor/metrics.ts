import { AggregatorRegistry, type Registry } from 'prom-client'
import type { MetricsJson } from './messages.ts'

/** One scrape of every process: counters and histograms are summed, gauges as each says. */
export async function mergeMetrics(processes: readonly MetricsJson[]): Promise<{ text: string; contentType: string }> {
  const registry: Registry = AggregatorRegistry.aggregate(processes as object[])
  return { text: await registry.metrics(), contentType: registry.contentType }
}

/** The supervisor's own metrics. */
export function supervisorMetrics(
  processes: readonly { readonly name: string; readonly ready: boolean; readonly restarts: number }[],
): MetricsJson {
  const gauge = (
    name: string,
    help: string,
    type: 'gauge' | 'counter',
    value: (process: (typeof processes)[number]) => number,
  ) => ({
    name,
    help,
    type,
    aggregator: 'sum',
    values: processes.map((process) => ({ value: value(process), labels: { process: process.name } })),
  })
  return [
    gauge('gatepost_process_up', 'Whether the process is ready', 'gauge', (process) => (process.ready ? 1 : 0)),
    gauge(
      'gatepost_process_restarts_total',
      'Times the process was started again',
      'counter',
      (process) => process.restarts,
    ),
  ]
}

import type { Refused } from '../../reporter/dashboard/options.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { MetricsJson } from '../messages.ts'

interface Series {
  readonly name: string
  readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, string>> }[]
}

/** What these ingest workers refused, added up. Workers that do not answer are left out. */
export async function refusedBy(workers: readonly ManagedProcess[]): Promise<Refused[]> {
  const answers = await Promise.all(workers.map((worker) => worker.metrics()))
  return refusedOf(answers.flatMap((metrics) => metrics ?? []))
}

/** The refusals in these metrics, the most frequent first. */
export function refusedOf(metrics: MetricsJson): Refused[] {
  const counts = new Map<string, Refused>()
  for (const { name, values } of metrics as readonly Series[]) {
    for (const { value, labels } of values) {
      const refused = value > 0 ? described(name, labels) : null
      if (refused === null) continue
      const key = Object.values(refused).join(' ')
      counts.set(key, { ...refused, count: (counts.get(key)?.count ?? 0) + value })
    }
  }
  return [...counts.values()].sort((one, other) => other.count - one.count)
}

/** Null: the series does not count refusals. */
function described(name: string, labels: Readonly<Record<string, string>>): Omit<Refused, 'count'> | null {
  switch (name) {
    case 'gatepost_records_not_kept_total':
      return { kind: 'record', of: labels['topic'], reason: labels['reason'] }
    case 'gatepost_requests_total':
      return Number(labels['status']) >= 400
        ? { kind: 'request', of: labels['route'], reason: `answered ${labels['status']}` }
        : null
    case 'gatepost_untrusted_requests_total':
      return { kind: 'request', of: labels['route'], reason: 'not from the registered source' }
    default:
      return null
  }
}

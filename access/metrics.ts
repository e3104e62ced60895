import type { PlainMetrics } from '../common/metrics.ts'

/** Adds metrics about a process's copy of the access log. */
export function addAccessMetrics(
  metrics: PlainMetrics,
  access: { readonly known: boolean; readonly size: number; readonly malformed: number },
): void {
  metrics.add(
    'gauge',
    'gatepost_access_known',
    'Whether the access log has been read to its end (1) or not (0)',
    () => [{ value: access.known ? 1 : 0 }],
  )
  metrics.add('gauge', 'gatepost_access_subjects', 'Subjects with a decision in the access log', () => [
    { value: access.size },
  ])
  metrics.add(
    'counter',
    'gatepost_access_malformed_total',
    'Entries of the access log that are not valid decisions',
    () => [{ value: access.malformed }],
  )
}

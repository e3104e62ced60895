import type { PlainMetrics } from '../common/metrics.ts'

/** Adds what a process's view of the access-control log reports to its metrics. */
export function addAccessMetrics(
  metrics: PlainMetrics,
  access: { readonly known: boolean; readonly size: number; readonly malformed: number },
): void {
  metrics.add('gauge', 'gatepost_access_known', 'Whether the access decisions have been read', () => [
    { value: access.known ? 1 : 0 },
  ])
  metrics.add('gauge', 'gatepost_access_subjects', 'Subjects about whom something was decided', () => [
    { value: access.size },
  ])
  metrics.add('counter', 'gatepost_access_malformed_total', 'Records of the access decisions that are none', () => [
    { value: access.malformed },
  ])
}

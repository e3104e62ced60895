import { PlainMetrics } from '../common/metrics.ts'
import type { HistoryStats } from './login-history/schedule.ts'
import type { LocationScheduleStats } from './locations/schedule.ts'
import type { PublishScheduleStats } from './publish/schedule.ts'
import type { StateScheduleStats } from './state-schedule.ts'
import type { ScheduleStats } from './metrics/schedule.ts'

/** Metrics of the schedule that computes usage metrics. */
export function scheduleMetrics(stats: ScheduleStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add('counter', 'gatepost_reporter_results_total', 'Usage metrics computed and stored', () => [
    { value: stats.computed },
  ])
  metrics.add('counter', 'gatepost_reporter_failures_total', 'Attempts that failed and are repeated', () => [
    { value: stats.failures },
  ])
  metrics.add(
    'gauge',
    'gatepost_reporter_current_to_timestamp_seconds',
    'Beginning of the latest day of which every usage metric is stored, 0 before the first',
    () => [{ value: (stats.currentTo ?? 0) / 1000 }],
    'max',
  )
  return metrics
}

/** Metrics of the scheduled import of locations. */
export function locationMetrics(stats: LocationScheduleStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add(
    'counter',
    'gatepost_ip_locations_failures_total',
    'Attempts to import the locations that changed nothing: the source did not answer, or had a mistake in it',
    () => [{ value: stats.failures }],
  )
  metrics.add(
    'gauge',
    'gatepost_ip_locations_imported_timestamp_seconds',
    'When the locations were last imported by the clock, 0: not since the start',
    () => [{ value: (stats.latest ?? 0) / 1000 }],
    'max',
  )
  metrics.add(
    'gauge',
    'gatepost_ip_locations',
    'Locations of the latest import by the clock, 0: none since the start',
    () => [{ value: stats.locations ?? 0 }],
    'max',
  )
  return metrics
}

/** Metrics of the pseudonymous login history. */
export function historyMetrics(stats: HistoryStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add(
    'counter',
    'gatepost_history_failures_total',
    'Attempts to copy logins under pseudonyms that failed and are repeated',
    () => [{ value: stats.failures }],
  )
  metrics.add(
    'gauge',
    'gatepost_history_current_to_timestamp_seconds',
    'End of the latest day whose logins are in the history, 0 before the first copy since the start',
    () => [{ value: (stats.currentTo ?? 0) / 1000 }],
    'max',
  )
  return metrics
}

/** Metrics of the fleet's state. */
export function stateMetrics(stats: StateScheduleStats): PlainMetrics {
  const metrics = new PlainMetrics()
  const byState = (counts: Readonly<Record<string, number>> = {}) =>
    Object.entries(counts).map(([state, value]) => ({ value, labels: { state } }))
  metrics.add('gauge', 'gatepost_gateways', 'Gateways by state: up, late, down', () => byState(stats.counts?.gateways))
  metrics.add(
    'gauge',
    'gatepost_gateways_same_id',
    'Identifiers that several gateways have, as the uptimes in their heartbeats show',
    () => (stats.counts === null ? [] : [{ value: stats.counts.same_id }]),
    'max',
  )
  metrics.add('gauge', 'gatepost_sessions', 'Sessions that have not ended, by state: issued, validating, active', () =>
    byState(stats.counts?.sessions),
  )
  metrics.add(
    'gauge',
    'gatepost_state_counted_timestamp_seconds',
    'When gateways and sessions were last counted, 0: not since the start',
    () => [{ value: stats.countedAt / 1000 }],
    'max',
  )
  metrics.add('counter', 'gatepost_state_failures_total', 'Attempts to count them that failed and are repeated', () => [
    { value: stats.failures },
  ])
  return metrics
}

/** Metrics of scheduled publishing. */
export function publishMetrics(stats: PublishScheduleStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add('counter', 'gatepost_publish_sent_total', 'Results that a publisher took', () => [{ value: stats.sent }])
  metrics.add(
    'counter',
    'gatepost_publish_failures_total',
    'Results that a publisher did not take after all attempts of a run',
    () => [{ value: stats.failed }],
  )
  return metrics
}

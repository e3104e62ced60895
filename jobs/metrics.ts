import { PlainMetrics } from '../common/metrics.ts'
import type { AccessJobStats, PolicyStats } from './policies/access-job.ts'
import type { AlertStats } from './alerts/alerts.ts'
import type { DisconnectStats } from './disconnects/disconnect-job.ts'
import type { NasJobStats } from './sessions/nas-job.ts'
import type { SessionsJobStats } from './sessions/sessions-job.ts'

/** Metrics of the sessions job. */
export function sessionsJobMetrics(stats: SessionsJobStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add('counter', 'gatepost_sessions_computed_total', 'Hours of session state computed from reports', () => [
    { value: stats.computed },
  ])
  metrics.add('counter', 'gatepost_sessions_failures_total', 'Attempts that failed and are repeated', () => [
    { value: stats.failures },
  ])
  metrics.add(
    'gauge',
    'gatepost_sessions_computed_until_timestamp_seconds',
    'Reports stored before this time are included in the sessions; 0: this process does not compute sessions',
    () => [{ value: stats.computedUntil / 1000 }],
    'max',
  )
  return metrics
}

/** Metrics of the job that learns the intervals of interim updates. */
export function nasJobMetrics(stats: NasJobStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add(
    'counter',
    'gatepost_radius_nas_failures_total',
    'Attempts to learn the intervals of interim updates that failed and are repeated',
    () => [{ value: stats.failures }],
  )
  return metrics
}

/** Metrics of the policies job. */
export function accessJobMetrics({ policies, ...stats }: AccessJobStats): PlainMetrics {
  const metrics = new PlainMetrics()
  const perPolicy = (read: (stats: PolicyStats) => number) => () =>
    [...policies].map(([policy, each]) => ({ value: read(each), labels: { policy } }))
  metrics.add('counter', 'gatepost_access_table_failures_total', 'Attempts that failed and are repeated', () => [
    { value: stats.failures },
  ])
  metrics.add('gauge', 'gatepost_access_table_waiting', 'Decisions not yet copied to table access_control', () => [
    { value: stats.waiting },
  ])
  metrics.add(
    'counter',
    'gatepost_policy_denials_total',
    'Subjects denied by policies',
    perPolicy((each) => each.denied),
  )
  metrics.add(
    'counter',
    'gatepost_policy_failures_total',
    'Evaluations that failed',
    perPolicy((each) => each.failures),
  )
  metrics.add(
    'counter',
    'gatepost_policy_overflows_total',
    'Evaluations cut short because they found more subjects than one evaluation denies',
    perPolicy((each) => each.overflows),
  )
  metrics.add(
    'gauge',
    'gatepost_policy_seconds',
    'Duration of the latest evaluation',
    perPolicy((each) => each.seconds),
    'max',
  )
  return metrics
}

/** Metrics of the job that asks NAS to end sessions. */
export function disconnectJobMetrics(stats: DisconnectStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add(
    'counter',
    'gatepost_radius_disconnects_total',
    'Disconnect-Requests for denied RADIUS sessions, by outcome: ended by the NAS (ack), not known to it (gone), refused (nak), or unanswered',
    () => Object.entries(stats.outcomes).map(([outcome, value]) => ({ value, labels: { outcome } })),
  )
  metrics.add(
    'counter',
    'gatepost_radius_disconnect_retransmissions_total',
    'Disconnect-Requests that were sent again, since no answer came',
    () => [{ value: stats.repeated }],
  )
  metrics.add(
    'gauge',
    'gatepost_radius_denied_sessions',
    'Active RADIUS sessions that are denied, at the latest look: whose NAS can be asked to end them (reachable), and others',
    () => Object.entries(stats.denied).map(([nas, value]) => ({ value, labels: { nas } })),
    'max',
  )
  metrics.add(
    'counter',
    'gatepost_radius_disconnect_failures_total',
    'Attempts to look for denied RADIUS sessions that failed and are repeated',
    () => [{ value: stats.failures }],
  )
  return metrics
}

/** Metrics of the alerts job. */
export function alertsJobMetrics(stats: AlertStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add('counter', 'gatepost_alerts_sent_total', 'Alerts that GATEPOST_ALERT_URL accepted', () =>
    Object.entries(stats.sent).map(([event, value]) => ({ value, labels: { event } })),
  )
  metrics.add(
    'counter',
    'gatepost_alert_failures_total',
    'Alerts that GATEPOST_ALERT_URL did not accept; they are sent again',
    () => [{ value: stats.failures }],
  )
  return metrics
}

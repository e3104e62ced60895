import type { AccessKeeperStats, PolicyStats } from '../jobs/policies/keeper.ts'
import type { AlertStats } from '../jobs/alerts/alerts.ts'
import type { SessionKeeperStats } from '../jobs/sessions/keeper.ts'
import { PlainMetrics } from '../common/metrics.ts'
import { INSERT_BUCKETS, type AggregatorStats, type TopicStats } from './stats.ts'

/** What the aggregator reports. */
export function aggregatorMetrics(stats: AggregatorStats): PlainMetrics {
  const metrics = new PlainMetrics()
  const perTopic = <T>(read: (stats: TopicStats) => T) =>
    [...stats].map(([topic, topicStats]) => ({ labels: { topic }, ...read(topicStats) }))
  const counter = (name: string, help: string, read: (stats: TopicStats) => number) =>
    metrics.add('counter', `gatepost_aggregator_${name}`, help, () => perTopic((topic) => ({ value: read(topic) })))

  counter('rows_total', 'Rows written', (topic) => topic.rows)
  counter('inserts_total', 'Gathers stored', (topic) => topic.inserts)
  counter('duplicates_total', 'Batches that were stored already', (topic) => topic.duplicates)
  counter('expired_total', 'Batches older than the retention, left out', (topic) => topic.expired)
  counter('failures_total', 'Attempts that failed and were repeated', (topic) => topic.failures)
  counter('fenced_total', 'Gathers dropped because another aggregator had taken over', (topic) => topic.fenced)
  metrics.histogram('gatepost_aggregator_insert_seconds', 'Time to store a gather', INSERT_BUCKETS, () =>
    perTopic(({ insertBuckets, insertSecondsSum }) => ({ counts: insertBuckets, sum: insertSecondsSum })),
  )
  metrics.add('counter', 'gatepost_aggregator_dead_letters_total', 'Records the store refused, by reason', () =>
    [...stats].flatMap(([topic, { deadLetters }]) =>
      [...deadLetters].map(([reason, value]) => ({ value, labels: { topic, reason } })),
    ),
  )
  metrics.add(
    'gauge',
    'gatepost_aggregator_lag_seconds',
    'Age of the oldest record in the log that is not in its table',
    () => perTopic(({ oldestWaitingAt }) => ({ value: age(oldestWaitingAt) })),
    'max',
  )
  metrics.add('gauge', 'gatepost_aggregator_lag_bytes', 'Bytes in the log that are not in their table', () =>
    perTopic(({ lagBytes }) => ({ value: lagBytes })),
  )
  metrics.add('gauge', 'gatepost_aggregator_partition_lag_batches', 'Batches that wait in a partition', () =>
    [...stats].flatMap(([topic, { partitions }]) =>
      partitions.map(({ partition, batches }) => ({ value: batches, labels: { topic, partition: String(partition) } })),
    ),
  )
  return metrics
}

function age(since: number | null): number {
  return since === null ? 0 : Math.max(0, (Date.now() - since) / 1000)
}

/** What the keeper of the sessions reports. */
export function sessionMetrics(stats: SessionKeeperStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add(
    'counter',
    'gatepost_sessions_computed_total',
    'Hours of sessions that were computed from their reports',
    () => [{ value: stats.computed }],
  )
  metrics.add('counter', 'gatepost_sessions_failures_total', 'Attempts that failed and are repeated', () => [
    { value: stats.failures },
  ])
  metrics.add(
    'gauge',
    'gatepost_sessions_computed_until_timestamp_seconds',
    'Reports that came into their table before this are in the sessions; 0: this process does not compute them',
    () => [{ value: stats.computedUntil / 1000 }],
    'max',
  )
  return metrics
}

/** What the keeper of the access decisions reports. */
export function accessKeeperMetrics({ policies, ...stats }: AccessKeeperStats): PlainMetrics {
  const metrics = new PlainMetrics()
  const perPolicy = (read: (stats: PolicyStats) => number) => () =>
    [...policies].map(([policy, each]) => ({ value: read(each), labels: { policy } }))
  metrics.add('counter', 'gatepost_access_table_failures_total', 'Attempts that failed and are repeated', () => [
    { value: stats.failures },
  ])
  metrics.add('gauge', 'gatepost_access_table_waiting', 'Decisions that are not in table access_control yet', () => [
    { value: stats.waiting },
  ])
  metrics.add(
    'counter',
    'gatepost_policy_denials_total',
    'Subjects that policies denied',
    perPolicy((each) => each.denied),
  )
  metrics.add(
    'counter',
    'gatepost_policy_failures_total',
    'Looks that failed',
    perPolicy((each) => each.failures),
  )
  metrics.add(
    'counter',
    'gatepost_policy_overflows_total',
    'Looks that came to more subjects than one look takes',
    perPolicy((each) => each.overflows),
  )
  metrics.add(
    'gauge',
    'gatepost_policy_seconds',
    'How long the latest look took',
    perPolicy((each) => each.seconds),
    'max',
  )
  return metrics
}

/** What the alerts report. */
export function alertMetrics(stats: AlertStats): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add('counter', 'gatepost_alerts_sent_total', 'Alerts that GATEPOST_ALERT_URL took', () =>
    Object.entries(stats.sent).map(([event, value]) => ({ value, labels: { event } })),
  )
  metrics.add('counter', 'gatepost_alert_failures_total', 'Alerts that it did not take; they are repeated', () => [
    { value: stats.failures },
  ])
  return metrics
}

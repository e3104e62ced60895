import { PlainMetrics } from '../common/metrics.ts'
import { INSERT_BUCKETS, type AggregatorStats, type StreamStats } from './stats.ts'

/** Metrics of the aggregator. */
export function aggregatorMetrics(stats: AggregatorStats): PlainMetrics {
  const metrics = new PlainMetrics()
  const perStream = <T>(read: (stats: StreamStats) => T) =>
    [...stats].map(([stream, streamStats]) => ({ labels: { topic: stream }, ...read(streamStats) }))
  const counter = (name: string, help: string, read: (stats: StreamStats) => number) =>
    metrics.add('counter', `gatepost_aggregator_${name}`, help, () => perStream((topic) => ({ value: read(topic) })))

  counter('rows_total', 'Rows written', (topic) => topic.rows)
  counter('inserts_total', 'Gathers stored', (topic) => topic.inserts)
  counter('duplicates_total', 'Batches skipped because they were already stored', (topic) => topic.duplicates)
  counter('expired_total', 'Batches skipped because they are older than the retention', (topic) => topic.expired)
  counter('failures_total', 'Failed attempts to store a gather, which were retried', (topic) => topic.failures)
  counter('fenced_total', 'Gathers dropped because another aggregator owns the partition now', (topic) => topic.fenced)
  metrics.histogram('gatepost_aggregator_insert_seconds', 'Time to store a gather', INSERT_BUCKETS, () =>
    perStream(({ insertBuckets, insertSecondsSum }) => ({ counts: insertBuckets, sum: insertSecondsSum })),
  )
  metrics.add(
    'counter',
    'gatepost_aggregator_dead_letters_total',
    'Records that became dead letters in the aggregator, by reason',
    () =>
      [...stats].flatMap(([stream, { deadLetters }]) =>
        [...deadLetters].map(([reason, value]) => ({ value, labels: { topic: stream, reason } })),
      ),
  )
  metrics.add(
    'gauge',
    'gatepost_aggregator_lag_seconds',
    'Age of the oldest record in the log not yet stored in its table',
    () => perStream(({ oldestWaitingAt }) => ({ value: age(oldestWaitingAt) })),
    'max',
  )
  metrics.add('gauge', 'gatepost_aggregator_lag_bytes', 'Bytes in the log not yet stored', () =>
    perStream(({ lagBytes }) => ({ value: lagBytes })),
  )
  metrics.add('gauge', 'gatepost_aggregator_partition_lag_batches', 'Batches in a partition not yet stored', () =>
    [...stats].flatMap(([stream, { partitions }]) =>
      partitions.map(({ partition, batches }) => ({
        value: batches,
        labels: { topic: stream, partition: String(partition) },
      })),
    ),
  )
  return metrics
}

function age(since: number | null): number {
  return since === null ? 0 : Math.max(0, (Date.now() - since) / 1000)
}

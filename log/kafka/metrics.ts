import type { PlainMetrics } from '../../common/metrics.ts'
import type { KafkaWriter } from './writer.ts'

/** Adds what a writer reports to its process's metrics. */
export function addWriterMetrics(metrics: PlainMetrics, writer: KafkaWriter): void {
  const { stats, spill } = writer
  metrics.add('counter', 'gatepost_kafka_batches_total', 'Batches by what became of them', () =>
    (['acked', 'refused', 'resent', 'late'] as const).map((outcome) => ({
      value: stats[outcome],
      labels: { outcome },
    })),
  )
  metrics.add('counter', 'gatepost_kafka_spilled_batches_total', 'Batches that went to the spill, by reason', () =>
    Object.entries(stats.spilled).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_kafka_adopted_segments_total',
    'Segments of spills of workers that have gone',
    () => [{ value: stats.adoptedSegments }],
  )
  metrics.add('gauge', 'gatepost_kafka_sends', 'Requests to Kafka under way', () => [{ value: writer.inFlight }])
  metrics.add('gauge', 'gatepost_kafka_failing_partitions', 'Partitions that do not take records now', () => [
    { value: writer.failingPartitions },
  ])
  metrics.add('gauge', 'gatepost_spill_bytes', 'Bytes that wait on disk for Kafka', () => [{ value: spill.usedBytes }])
  metrics.add('gauge', 'gatepost_spill_max_bytes', 'Bound of the spill', () => [{ value: spill.maxBytes }])
  metrics.add(
    'gauge',
    'gatepost_kafka_last_error_timestamp_seconds',
    'When Kafka last failed to take a batch',
    () => [{ value: stats.lastErrorAt / 1000 }],
    'max',
  )
}

import type { PlainMetrics } from '../../common/metrics.ts'
import type { KafkaWriter } from './writer.ts'

/** Adds metrics of a writer to its process's metrics. */
export function addWriterMetrics(metrics: PlainMetrics, writer: KafkaWriter): void {
  const { stats, spill } = writer
  metrics.add('counter', 'gatepost_kafka_batches_total', 'Batches sent to Kafka, by outcome', () =>
    (['acked', 'refused', 'resent', 'late'] as const).map((outcome) => ({
      value: stats[outcome],
      labels: { outcome },
    })),
  )
  metrics.add('counter', 'gatepost_kafka_spilled_batches_total', 'Batches written to the spill, by reason', () =>
    Object.entries(stats.spilled).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_kafka_adopted_segments_total',
    'Segments adopted from the spills of workers that ended',
    () => [{ value: stats.adoptedSegments }],
  )
  metrics.add('gauge', 'gatepost_kafka_sends', 'Produce requests in flight', () => [{ value: writer.inFlight }])
  metrics.add('gauge', 'gatepost_kafka_failing_partitions', 'Partitions that currently do not accept records', () => [
    { value: writer.failingPartitions },
  ])
  metrics.add('gauge', 'gatepost_spill_bytes', 'Bytes in the spill waiting to be resent to Kafka', () => [
    { value: spill.usedBytes },
  ])
  metrics.add('gauge', 'gatepost_spill_max_bytes', 'Maximum size of the spill', () => [{ value: spill.maxBytes }])
  metrics.add(
    'gauge',
    'gatepost_kafka_last_error_timestamp_seconds',
    'Time when Kafka last failed to accept a batch',
    () => [{ value: stats.lastErrorAt / 1000 }],
    'max',
  )
}

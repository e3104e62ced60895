import { statfs } from 'node:fs/promises'
import { AggregatorRegistry, type Registry } from 'prom-client'
import { packageVersion } from '../common/package-root.ts'
import { PlainMetrics } from '../common/metrics.ts'
import type { AggregatorStats } from '../aggregator/stats.ts'
import type { JournalReaderStats } from '../log/journal/reader.ts'
import type { KafkaReaderStats } from '../log/kafka/reader.ts'
import type { SqlStats } from '../sql-endpoint/index.ts'
import type { MetricsJson } from './messages.ts'

/**
 * Merges the metrics of all processes into one scrape. Each series has a label `process`: if they were summed, a restarted process would
 * make counters go backwards.
 */
export async function mergeMetrics(
  own: MetricsJson,
  processes: readonly { readonly name: string; readonly metrics: MetricsJson }[],
): Promise<{ text: string; contentType: string }> {
  const labelled = processes.map(({ name, metrics }) =>
    (metrics as Labelled[]).map((metric) => withProcess(metric, name)),
  )
  const registry: Registry = AggregatorRegistry.aggregate([own, ...labelled] as object[])
  return { text: await registry.metrics(), contentType: registry.contentType }
}

interface Labelled {
  readonly values: readonly { readonly labels: Record<string, string> }[]
}

function withProcess(metric: Labelled, process: string): Labelled {
  return { ...metric, values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, process } })) }
}

/** The supervisor's own metrics. */
export function supervisorMetrics(
  processes: readonly {
    readonly name: string
    readonly ready: boolean
    readonly restarts: number
    readonly hung: number
    readonly overdue: number
  }[],
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
    {
      name: 'gatepost_build_info',
      help: 'Always 1; the version of Gatepost and of Node.js',
      type: 'gauge',
      aggregator: 'first',
      values: [{ value: 1, labels: { version: packageVersion(), node: process.versions.node } }],
    },
    gauge('gatepost_process_up', 'Whether the process is ready and gives signs of life', 'gauge', (process) =>
      process.ready ? 1 : 0,
    ),
    gauge(
      'gatepost_process_restarts_total',
      'Restarts of the process by the supervisor',
      'counter',
      (process) => process.restarts,
    ),
    gauge(
      'gatepost_process_hung_total',
      'Times that the process gave no sign of life and was killed by the supervisor',
      'counter',
      (process) => process.hung,
    ),
    gauge(
      'gatepost_sql_overdue_total',
      'Queries that the engine had not ended ten seconds after their time limit; the process was replaced',
      'counter',
      (process) => process.overdue,
    ),
  ]
}

/** The disk of a data directory: what an ordinary user may still write, and its size. Empty when it cannot be asked. */
export async function diskMetrics(dataDir: string): Promise<MetricsJson> {
  const disk = await statfs(dataDir).catch(() => null)
  if (disk === null) return []
  const gauge = (name: string, help: string, blocks: number) => ({
    name,
    help,
    type: 'gauge',
    aggregator: 'first',
    values: [{ value: blocks * disk.bsize, labels: {} }],
  })
  return [
    gauge('gatepost_disk_free_bytes', 'Free bytes of the disk of the data directory', disk.bavail),
    gauge('gatepost_disk_size_bytes', 'Size of the disk of the data directory', disk.blocks),
  ]
}

/** Metrics of the SQL endpoint. */
export function sqlMetrics(sql: SqlStats & { readonly auditLost: number }): PlainMetrics {
  const metrics = new PlainMetrics()
  metrics.add('counter', 'gatepost_sql_queries_total', 'Queries by outcome', () =>
    (['completed', 'failed', 'abandoned'] as const).map((outcome) => ({ value: sql[outcome], labels: { outcome } })),
  )
  metrics.add('counter', 'gatepost_sql_refused_total', 'Requests refused before a query ran, by reason', () =>
    Object.entries(sql.refused).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_sql_slow_readers_total',
    'Clients that read their result slowly and were disconnected, since their time was over and others waited',
    () => [{ value: sql.slow }],
  )
  metrics.add(
    'counter',
    'gatepost_sql_connections_refused_total',
    'Connections refused: too many of the endpoint (total) or of their address (address)',
    () => Object.entries(sql.connectionsRefused).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_sql_audit_lost_total',
    'Rows of audit_log about SQL and of sql_queries that were dropped because the store did not take them',
    () => [{ value: sql.auditLost }],
  )
  metrics.add('gauge', 'gatepost_sql_active', 'Queries running', () => [{ value: sql.active }])
  metrics.add('gauge', 'gatepost_sql_queued', 'Queries waiting', () => [{ value: sql.queued }])
  metrics.add('gauge', 'gatepost_sql_sessions', 'Sessions of SQL clients', () => [{ value: sql.sessions }])
  metrics.add('gauge', 'gatepost_sql_temporary_table_bytes', 'Bytes of their temporary tables', () => [
    { value: sql.tableBytes },
  ])
  return metrics
}

/** Metrics of a journal reader, in addition to the aggregator's. `archiveBytes`: size of its archive. */
export function journalReaderMetrics(
  journal: JournalReaderStats,
  stats: AggregatorStats,
  archiveBytes: number,
): PlainMetrics {
  const metrics = new PlainMetrics()
  const waiting = [...stats.values()].map((topic) => topic.oldestWaitingAt).filter((at) => at !== null)
  const oldestAt = waiting.length === 0 ? null : Math.min(...waiting)
  metrics.add('counter', 'gatepost_journal_corrupt_segments_total', 'Corrupt segments found since the start', () => [
    { value: journal.corruptSegments },
  ])
  metrics.add(
    'gauge',
    'gatepost_journal_held_segments',
    'Segments held until a later version of Gatepost is installed',
    () => [{ value: journal.heldSegments }],
  )
  metrics.add('gauge', 'gatepost_journal_age_seconds', 'Age of the oldest segment of the journal', () => [
    { value: oldestAt === null ? 0 : Math.max(0, (Date.now() - oldestAt) / 1000) },
  ])
  metrics.add('gauge', 'gatepost_archive_bytes', 'Bytes of the archive', () => [{ value: archiveBytes }])
  return metrics
}

/** Metrics of a Kafka reader, in addition to the aggregator's. */
export function kafkaReaderMetrics({ stats }: { readonly stats: KafkaReaderStats }): PlainMetrics {
  const metrics = new PlainMetrics()
  const add = (type: 'counter' | 'gauge', name: string, help: string, value: number) =>
    metrics.add(type, `gatepost_kafka_${name}`, help, () => [{ value }])
  add(
    'counter',
    'position_alarms_total',
    'Committed offsets that were wrong; the partition was then re-read from its beginning',
    stats.positionAlarms,
  )
  add('counter', 'group_joins_total', 'Rebalances of the consumer group that this process joined', stats.joins)
  add(
    'counter',
    'consumer_restarts_total',
    'Kafka consumers replaced because they crashed or got stuck',
    stats.restarts,
  )
  add('gauge', 'partitions', 'Partitions assigned to this process', stats.partitions)
  add(
    'gauge',
    'held_partitions',
    'Partitions held until a later version of Gatepost is installed',
    stats.heldPartitions,
  )
  add('gauge', 'read_ahead_bytes', 'Bytes read from Kafka and not yet stored', stats.queuedBytes)
  return metrics
}

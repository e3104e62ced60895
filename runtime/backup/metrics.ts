import { PlainMetrics } from '../../common/metrics.ts'
import type { Backups } from './backups.ts'

export function backupMetrics(backups: Backups): PlainMetrics {
  const { stats } = backups
  const metrics = new PlainMetrics()
  const gauge = (name: string, help: string, value: () => number) =>
    metrics.add('gauge', name, help, () => [{ value: value() }], 'max')
  const seconds = (ms: number | null) => (ms ?? 0) / 1000
  gauge(
    'gatepost_backup_last_success_timestamp_seconds',
    'When the last completed backup of the data directory was begun, 0 if there is none',
    () => seconds(stats.lastAt),
  )
  gauge(
    'gatepost_backup_interval_seconds',
    'Interval of scheduled backups (GATEPOST_BACKUP_EVERY), 0 if there is no schedule',
    () => seconds(backups.everyMs),
  )
  gauge('gatepost_backup_seconds', 'Time that the last backup since the start took', () => seconds(stats.lastTookMs))
  gauge('gatepost_backup_held_seconds', 'Time during the last backup since the start in which nothing was stored', () =>
    seconds(stats.lastHeldMs),
  )
  gauge('gatepost_backup_bytes', 'Bytes that the last backup since the start wrote', () => stats.lastBytes ?? 0)
  metrics.add('counter', 'gatepost_backup_failures_total', 'Backups that could not be made', () => [
    { value: stats.failures },
  ])
  return metrics
}

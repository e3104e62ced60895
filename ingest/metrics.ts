import { PlainMetrics } from '../common/metrics.ts'
import type { App } from './app.ts'
import { COMMIT_BUCKETS, SIZE_BUCKETS } from './batcher.ts'
import { answerCounters } from './http.ts'
import type { GatewayChannels } from './channel/channels.ts'
import type { WorkerBounds } from './listeners/bounds.ts'

/**
 * Metrics of one ingest worker.
 * @param channels null: gateways keep none open
 */
export function ingestMetrics(
  app: App,
  listeners: WorkerBounds,
  channels: GatewayChannels | null = null,
): PlainMetrics {
  const metrics = new PlainMetrics()
  addChannelMetrics(metrics, channels)
  const { records, postAuth, accounting, decisions } = app
  const perStream = <T>(read: (batcher: (typeof records.all)[number]) => T) =>
    records.all.map((batcher) => ({ labels: { topic: batcher.stream }, ...read(batcher) }))

  metrics.add('counter', 'gatepost_requests_total', 'Requests answered, by route and status', () =>
    [...answerCounters()].map(({ route, code, served }) => ({
      value: served,
      labels: { route, status: String(code) },
    })),
  )
  metrics.add('counter', 'gatepost_records_total', 'Records made durable', () =>
    perStream(({ stats }) => ({ value: stats.records })),
  )
  metrics.add('counter', 'gatepost_batch_bytes_total', 'Bytes of sealed batches', () =>
    perStream(({ stats }) => ({ value: stats.bytes })),
  )
  metrics.histogram('gatepost_batch_records', 'Records per batch', SIZE_BUCKETS, () =>
    perStream(({ stats }) => ({ counts: stats.sizeBuckets, sum: stats.records })),
  )
  metrics.histogram('gatepost_commit_seconds', 'Time from sealing a batch until it is durable', COMMIT_BUCKETS, () =>
    perStream(({ stats }) => ({ counts: stats.commitBuckets, sum: stats.commitSecondsSum })),
  )
  metrics.add(
    'counter',
    'gatepost_records_not_kept_total',
    'Records refused or of unknown outcome, by error code',
    () =>
      records.all.flatMap(({ stream, stats }) =>
        [...stats.failures].map(([reason, value]) => ({ value, labels: { topic: stream, reason } })),
      ),
  )
  metrics.add('counter', 'gatepost_ingest_dead_letters_total', 'Requests whose record became a dead letter', () =>
    [...records.deadLettersByReason].map(([key, value]) => {
      const [source, reason] = key.split(' ')
      return { value, labels: { source, reason } }
    }),
  )
  metrics.add('counter', 'gatepost_logins_total', 'Logins that RADIUS servers reported, by outcome', () =>
    Object.entries(postAuth.stats.logins).map(([outcome, value]) => ({ value, labels: { outcome } })),
  )
  metrics.add(
    'counter',
    'gatepost_post_auth_unknown_eap_types_total',
    'Logins of an unknown eap_type, stored as MSCHAP',
    () => [{ value: postAuth.stats.unknownEapTypes }],
  )
  metrics.add('counter', 'gatepost_post_auth_health_checks_total', 'HEALTH logins, answered and not stored', () => [
    { value: postAuth.stats.healthChecks },
  ])
  metrics.add(
    'counter',
    'gatepost_post_auth_times_not_used_total',
    'Logins whose event_timestamp was not used, by reason; they have the time of their report',
    () => Object.entries(postAuth.stats.timesNotUsed).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_accounting_times_not_used_total',
    'Accounting reports whose event_timestamp was not used, by reason; they have the time of their report',
    () => Object.entries(accounting.stats.timesNotUsed).map(([reason, value]) => ({ value, labels: { reason } })),
  )
  metrics.add(
    'counter',
    'gatepost_accounting_bad_numbers_total',
    'Numbers in accounting reports that are none, stored as not reported',
    () => [{ value: accounting.stats.badNumbers }],
  )
  metrics.add('counter', 'gatepost_request_faults_total', 'Requests that failed with an internal error', () => [
    { value: app.faults },
  ])
  metrics.add(
    'counter',
    'gatepost_counters_refused_total',
    'Bodies with counters refused because too many were waiting',
    () => [{ value: app.countersRefused }],
  )
  metrics.add(
    'counter',
    'gatepost_decision_errors_total',
    'Auth requests that could not be decided, answered -1',
    () => [{ value: decisions.stats.errors }],
  )
  metrics.add(
    'counter',
    'gatepost_untrusted_requests_total',
    'Requests that name a registered gateway but come from outside its sources',
    () => Object.entries(app.registry.untrusted).map(([route, value]) => ({ value, labels: { route } })),
  )
  metrics.add(
    'counter',
    'gatepost_reports_refused_total',
    'Reports whose sender may not write them, by kind and reason; they are not stored',
    () =>
      [...app.writers.refused].map(([key, value]) => {
        const [kind, reason] = key.split(' ')
        return { value, labels: { kind, reason } }
      }),
  )
  metrics.add(
    'counter',
    'gatepost_decision_unwritten_total',
    'Session ends that could not be written to the access log',
    () => [{ value: decisions.stats.unwritten }],
  )
  addListenerMetrics(metrics, listeners)
  app.portal?.addMetrics(metrics)
  return metrics
}

function addListenerMetrics(metrics: PlainMetrics, { gateway, bulk }: WorkerBounds): void {
  const listeners = Object.entries({ gateway, bulk })
  metrics.add('gauge', 'gatepost_connections', 'Open connections, by listener', () =>
    listeners.map(([listener, { gate }]) => ({ value: gate.open, labels: { listener } })),
  )
  metrics.add('gauge', 'gatepost_connections_max', 'Most open connections, by listener', () =>
    listeners.map(([listener, { gate }]) => ({ value: gate.limits.total, labels: { listener } })),
  )
  metrics.add(
    'counter',
    'gatepost_connections_refused_total',
    'Connections refused: too many of the listener (total) or of their address (address)',
    () =>
      listeners.flatMap(([listener, { gate }]) =>
        Object.entries(gate.refused).map(([reason, value]) => ({ value, labels: { listener, reason } })),
      ),
  )
  metrics.add(
    'counter',
    'gatepost_requests_refused_total',
    'Requests refused: sent before an earlier one was answered (pipelined), or of ambiguous length (framing); at the gateway listener, with a head that cannot be read (malformed), is too large, did not come in time, came in several packets while too much of other requests was unfinished (full), or in plain HTTP where TLS is spoken (plain: browsers are sent to HTTPS)',
    () => [
      ...listeners.flatMap(([listener, { pipelined, framing }]) =>
        Object.entries({ pipelined, framing }).map(([reason, value]) => ({ value, labels: { listener, reason } })),
      ),
      ...Object.entries(gateway.refusedHeads).map(([reason, value]) => ({
        value,
        labels: { listener: 'gateway', reason },
      })),
    ],
  )
  metrics.add(
    'counter',
    'gatepost_requests_repaired_total',
    'Requests with spaces or bytes beyond ASCII in the request line, or a header that breaks the rules; answered nevertheless',
    () => [{ value: gateway.repairedHeads, labels: { listener: 'gateway' } }],
  )
  // Both listeners share it.
  const { bodies } = bulk
  metrics.add('gauge', 'gatepost_unfinished_body_bytes', 'Bytes of bodies that are not complete yet', () => [
    { value: bodies.usedBytes },
  ])
  metrics.add(
    'counter',
    'gatepost_bodies_refused_total',
    'Requests refused because too many bytes of unfinished bodies were held',
    () => [{ value: bodies.refused }],
  )
}

function addChannelMetrics(metrics: PlainMetrics, channels: GatewayChannels | null): void {
  metrics.add('gauge', 'gatepost_gateway_channels', 'Channels that gateways keep open', () => [
    { value: channels?.open ?? 0 },
  ])
  metrics.add(
    'counter',
    'gatepost_gateway_commands_total',
    'Clients that gateways were told over their channel to remove: answered, or failed (no answer in time, or too many waited)',
    () => [
      { value: channels?.stats.kicked ?? 0, labels: { outcome: 'answered' } },
      { value: channels?.stats.failed ?? 0, labels: { outcome: 'failed' } },
    ],
  )
}

import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { applyRetention, KEPT_TABLES, KEPT_WITH, retentionOf } from '../retention.ts'
import { clusterForm, onCluster } from '../server/cluster.ts'
import type { SqlConnection } from '../sql.ts'

const logger = createLogger('retention-test')
logger.level = 'silent'

t.test('a derived table has the retention of its source, unless it has its own', (t) => {
  const all = retentionOf(20)
  t.same(new Set(Object.values(all)), new Set([20]))
  t.same(Object.keys(all).sort(), [...KEPT_TABLES, ...Object.keys(KEPT_WITH)].sort())
  t.match(retentionOf(20, { post_auth: 400, gateway_auth: 7, gateway_runs: 90 }), {
    post_auth: 400,
    login_calendar: 400,
    gateway_auth: 7,
    session_hours: 7,
    session_origins: 7,
    access_decisions: 7,
    portal_sessions: 20,
    gateway_pings: 20,
    gateway_latest: 20,
    gateway_runs: 90,
  })
  t.match(retentionOf(20, { session_hours: 60 }), { gateway_auth: 20, session_hours: 60, session_reasons: 60 })
  t.end()
})

t.test('in a cluster the local tables are altered; tables of others are left unchanged', async (t) => {
  const engine = (ttl: string) =>
    `ReplicatedMergeTree('/x', 'y') ORDER BY a TTL ${ttl} SETTINGS index_granularity = 8192`
  const tables = [
    { name: 'post_auth_local', engine_full: engine('toDateTime(received_at) + toIntervalDay(32)') },
    { name: 'gateway_pings_local', engine_full: engine('toDateTime(received_at) + toIntervalDay(32)') },
    { name: 'audit_log_local', engine_full: engine('toDateTime(at) + toIntervalHour(8784)') },
    { name: 'notes', engine_full: engine('at + toIntervalDay(7)') },
  ]
  const run: string[] = []
  const server: SqlConnection = {
    rows: <T>() => Promise.resolve(tables as T[]),
    run: (statement) => Promise.resolve(void run.push(statement)),
  }
  const cluster = onCluster(server, (statement) => clusterForm(statement, 'fleet'))
  await applyRetention(cluster, retentionOf(32, { gateway_pings: 14 }), logger)
  t.same(run, [
    "ALTER TABLE gatepost.gateway_pings_local ON CLUSTER 'fleet' MODIFY TTL toDateTime(received_at) + toIntervalDay(14)",
  ])
})

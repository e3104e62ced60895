import { randomBytes } from 'node:crypto'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { startAggregator, type Aggregator } from '../../aggregator/aggregator.ts'
import { aggregatorMetrics } from '../../aggregator/metrics.ts'
import { createLogger } from '../../common/logger.ts'
import { JournalReader } from '../../log/journal/reader.ts'
import { TOPICS } from '../../schemas/topics.ts'
import type { Store } from '../../store/contract.ts'
import { openEmbeddedStore } from '../../store/embedded/open.ts'
import { startSqlEndpoint } from '../../store/embedded/sql/index.ts'
import { removeInstanceFile, writeInstanceFile } from '../instance-file.ts'
import { runChild } from './child.ts'
import type { StoreStart } from './messages.ts'
import { storeMetrics } from './metrics.ts'
import { httpUrl } from './ports.ts'

/* The store process: the only owner of the embedded store. It brings the journal into the tables and answers SQL. */

/** Nice value of the store process, 0 being normal and 19 the most modest. */
const BACKGROUND_PRIORITY = 5

/** A predecessor that is being killed, or a command that has the directory open, may hold the store for a while. */
const LOCK_WAIT_MS = 15_000

interface Running {
  readonly dataDir: string
  readonly reader: JournalReader
  readonly store: Store
  readonly aggregator: Aggregator
  readonly endpoint: Awaited<ReturnType<typeof startSqlEndpoint>>
}

/**
 * Answers come first: on a machine that is short of CPU, rows wait in the journal rather than gateways for their Pong.
 * Threads inherit it from the thread that makes them, so it is set before there are any.
 */
setPriority(BACKGROUND_PRIORITY)

const logger = createLogger('store')
let running: Running | null = null

async function start(options: StoreStart): Promise<void> {
  const { dataDir, retentionDays } = options
  const path = join(dataDir, 'store')
  const store = await openEmbeddedStore({ path, logger, retentionDays, lockWaitMs: LOCK_WAIT_MS })
  await store.migrate()
  const reader = new JournalReader({ directory: join(dataDir, 'journal'), logger })
  const aggregator = startAggregator({ reader, store, logger, retentionDays })
  const operatorKey = randomBytes(24).toString('base64url')
  const endpoint = await startSqlEndpoint({
    dataPath: path,
    host: options.privateBind,
    port: options.sqlPort,
    ...(options.sqlPassword === undefined ? {} : { password: options.sqlPassword }),
    ...(options.sqlAdminPassword === undefined ? {} : { adminPassword: options.sqlAdminPassword }),
    operatorKey,
    allowedHosts: [...options.allowedHosts],
    logger,
  })
  running = { dataDir, reader, store, aggregator, endpoint }
  writeInstanceFile(dataDir, {
    pid: process.pid,
    sqlUrl: httpUrl(options.privateBind, endpoint.port),
    user: 'operator',
    key: operatorKey,
  })
}

/** PRECONDITION: the ingest workers have sealed what they had, so what waits now is all there is. */
async function drain(withinMs: number): Promise<void> {
  if (running === null) return
  // Some of the time is the engine's, to close.
  await running.aggregator.stop(withinMs * 0.8)
  removeInstanceFile(running.dataDir)
  const left = await Promise.all(TOPICS.map((topic) => (running as Running).reader.lag(topic)))
  await running.endpoint.close()
  await running.reader.close()
  await running.store.close()
  const bytes = left.reduce((sum, lag) => sum + lag.bytes, 0)
  if (bytes > 0)
    throw new Error(`the time to drain was over: ${bytes} bytes are left in the journal, for the next start`)
}

async function metrics(): Promise<object[]> {
  if (running === null) return []
  const { aggregator, reader, endpoint } = running
  const stats = aggregator.stats()
  const waiting = [...stats.values()].map((topic) => topic.oldestWaitingAt).filter((at) => at !== null)
  const oldestAt = waiting.length === 0 ? null : Math.min(...waiting)
  return [
    ...(await aggregatorMetrics(stats).json()),
    ...(await storeMetrics(endpoint.stats(), reader.stats, oldestAt).json()),
  ]
}

runChild<StoreStart>({ start, drain, metrics }, logger)

import { errorFields, GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { LogReader } from '../log/contract.ts'
import type { Stream } from '../schemas/streams/index.ts'
import type { Store } from '../store/contract.ts'
import { DEFAULT_RETENTION, type Retention } from '../store/retention.ts'
import { ErasedNow } from '../privacy/erased-now.ts'
import { pause } from './pause.ts'
import { emptyStats, type AggregatorStats, type StreamStats } from './stats.ts'
import { StreamLoop, type LoopOptions } from './stream-loop.ts'

export interface AggregatorOptions {
  readonly reader: LogReader
  /** PRECONDITION: migrated. */
  readonly store: Store
  readonly logger: Logger
  /**
   * Maximum bytes of records per insert, default 32 MiB. MEASURED: for 1.6 million logins the engine used a quarter less CPU with 32 MiB
   * than with 16 MiB, and no less with 64 MiB: fewer parts to merge.
   */
  readonly gatherMaxBytes?: number
  /** Minimum time between inserts of one stream, default 500 ms, unless gatherMaxBytes are ready. */
  readonly gatherMaxMs?: number
  /** Poll interval while there are no new batches, default 75 ms. */
  readonly pollMs?: number
  /** How long a failing attempt is retried before onFatal, default 60 s. */
  readonly retryForMs?: number
  /**
   * Retry for ever while the store or the log cannot be reached; default false. Right for servers, which come back by themselves; the
   * embedded engine may need a new process.
   */
  readonly waitWhileAway?: boolean
  /** The retention that the store was opened with; default 32 days. */
  readonly retention?: Retention
  /** Returns the token keys with which erased subjects are hashed; called only if there are any. Default: no key. */
  readonly keys?: () => readonly string[]
  /** Called once when a stream cannot continue; default: the process exits with status 1, and its supervisor restarts it. */
  readonly onFatal?: (error: unknown) => void
}

export interface Aggregator {
  /**
   * Stores everything in the log, for at most `drainMs`, then stops. An insert still running after that is left to finish: Store.close()
   * waits for it.
   */
  stop(drainMs?: number): Promise<void>
  /** Live counters: the same objects on every call. */
  stats(): AggregatorStats
}

const NO_KEY =
  'erased subjects exist, but GATEPOST_SECRET is not set here: without it their records cannot be recognised and would be stored again'

const LAG_SAMPLE_MS = 1000
/** Maximum share of the time spent on sampling the lag. */
const LAG_SAMPLE_SHARE = 0.05
/** A sample may have waited for a server that was down: do not then wait long for the next one. */
const LAG_SAMPLE_MAX_MS = 15_000
const DRAIN_MS = 10_000

/** Starts storing the batches of every stream, each exactly once. */
export function startAggregator(options: AggregatorOptions): Aggregator {
  const { reader, store, logger } = options
  const stats = emptyStats()
  const draining = new AbortController()
  const stopping = new AbortController()
  const loopOptions: LoopOptions = {
    gatherMaxBytes: options.gatherMaxBytes ?? 32 * 2 ** 20,
    gatherMaxMs: options.gatherMaxMs ?? 500,
    pollMs: options.pollMs ?? 75,
    retryForMs: options.retryForMs ?? 60_000,
    waitWhileAway: options.waitWhileAway ?? false,
    retention: options.retention ?? DEFAULT_RETENTION,
  }

  let failed = false
  const fail = (error: unknown): void => {
    if (failed) return
    failed = true
    stopping.abort()
    logger.fatal(
      { event: 'aggregator.stopped', ...errorFields(error) },
      'aggregator: stopping after an error that retries cannot solve; records stay in the log',
    )
    if (options.onFatal) options.onFatal(error)
    else process.exit(1)
  }
  const keys = options.keys ?? noKey
  const parts = { reader, store, logger, options: loopOptions, erased: new ErasedNow(store, keys) }
  const signals = { draining: draining.signal, stopping: stopping.signal }
  const run = (stream: Stream, streamStats: StreamStats): Promise<void> =>
    new StreamLoop(stream, { ...parts, stats: streamStats }, signals).run().catch((error: unknown) => {
      // Stopped while failing: the batches are read again at the next start.
      if (draining.signal.aborted)
        logger.error(
          { event: 'aggregator.stopped_early', stream, error: messageOf(error) },
          'aggregator: stopped before all batches were stored; they stay in the log for the next start',
        )
      else fail(error)
    })
  const loops = [...stats].map(([stream, streamStats]) => run(stream, streamStats))

  const sampler = sampleLag(reader, stats, logger, stopping.signal)

  return {
    stats: () => stats,
    stop: async (drainMs = DRAIN_MS) => {
      draining.abort()
      const deadline = setTimeout(() => stopping.abort(), drainMs)
      await Promise.race([Promise.all(loops), aborted(stopping.signal)])
      clearTimeout(deadline)
      stopping.abort()
      await sampler
    },
  }
}

/**
 * Reports at the start what would otherwise stop the first insert.
 * @throws GatepostError CONFIG_INVALID: there are erased subjects, and no key; STORE_UNAVAILABLE
 */
export async function assertNobodyErased(store: Pick<Store, 'query'>): Promise<void> {
  const rows = await store.query('SELECT 1 FROM gatepost.erased_subjects LIMIT 1')
  if (rows.length > 0) throw new GatepostError('CONFIG_INVALID', NO_KEY)
}

function noKey(): readonly string[] {
  throw new GatepostError('CONFIG_INVALID', NO_KEY)
}

/** Samples the lag regularly (less often for a log with many segments, so that it stays cheap), and once at the end. */
async function sampleLag(
  reader: LogReader,
  stats: AggregatorStats,
  logger: Logger,
  stopping: AbortSignal,
): Promise<void> {
  for (;;) {
    const last = stopping.aborted
    const started = performance.now()
    try {
      for (const [stream, streamStats] of stats) {
        const lag = await reader.lag(stream)
        streamStats.lagBytes = lag.bytes
        streamStats.oldestWaitingAt = lag.oldestAt
        streamStats.partitions = lag.partitions ?? []
      }
    } catch (error) {
      logger.warn(
        { event: 'aggregator.lag_unknown', error: messageOf(error) },
        'aggregator: cannot read the lag of the record log; the lag metrics are stale',
      )
    }
    if (last) return
    const rest = (performance.now() - started) / LAG_SAMPLE_SHARE
    await pause(Math.min(Math.max(LAG_SAMPLE_MS, rest), LAG_SAMPLE_MAX_MS), stopping)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

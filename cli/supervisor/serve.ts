import cluster from 'node:cluster'
import { fork } from 'node:child_process'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lockDirectory } from '../../common/directory-lock.ts'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { createLogger, type Logger } from '../../common/logger.ts'
import { packageVersion } from '../../common/package-root.ts'
import { loadUws } from '../../ingest/uws.ts'
import { makeDirectory } from '../../log/journal/disk.ts'
import { existingSlots, SLOT_LOCK, slotDirectory } from '../../log/journal/layout.ts'
import { recoverSlot } from '../../log/journal/recover.ts'
import type { Config } from '../config.ts'
import { banner } from './banner.ts'
import { ManagedProcess } from './managed-process.ts'
import type { IngestStart, StoreStart } from './messages.ts'
import { usablePort } from './ports.ts'
import { privateServer } from './private-server.ts'
import { tokenSecret } from './secret.ts'

/** uWebSockets takes 4 KiB of request line and headers unless told otherwise; node:http takes this much. */
const REQUEST_HEAD_BYTES = '16384'

/** The store process needs a thread for each query that runs, beside those of its files. */
const STORE_THREADS = '16'

/** A slot beyond this instance's workers may still be written by a killed instance's worker, which ends at once. */
const ORPHAN_WAIT_MS = 15_000

/**
 * Runs ingest workers and the store process, keeps them running, and ends them in order.
 * @returns the exit status: 0 after a stop in which everything was stored in time, 1 after one that had to kill
 * @throws GatepostError DIRECTORY_LOCKED, CONFIG_INVALID, PLATFORM_UNSUPPORTED: nothing was started
 */
export async function serve(configured: Config): Promise<number> {
  // The workers need it: that it does not load is said once, before anything is made or started.
  loadUws()
  const logger = createLogger('serve')
  const dataDir = resolve(configured.dataDir)
  const lock = await ownDirectory(dataDir)
  const config = await withPorts(configured)
  const journal = join(dataDir, 'journal')
  await makeDirectory(journal)
  const slots = await recoverOrphans(journal, config.workers, logger)

  // Workers accept connections themselves: a primary that hands out each one costs more than the request.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: childFile('ingest-main.js'), args: [] })
  const secret = tokenSecret(config.secret, dataDir)
  let failure: ((message: string) => void) | null = null
  const managed = (name: string, forkChild: () => ReturnType<typeof fork>, start: IngestStart | StoreStart) =>
    new ManagedProcess({ name, fork: forkChild, start, logger, onFailure: (message) => failure?.(message) })

  const store = managed(
    'store',
    () => fork(childFile('store-main.js'), { env: { ...process.env, UV_THREADPOOL_SIZE: STORE_THREADS } }),
    storeStart(config, dataDir),
  )
  const workers = Array.from({ length: config.workers }, (_, slot) =>
    managed(
      `ingest-${slot}`,
      () => cluster.fork({ UWS_HTTP_MAX_HEADERS_SIZE: REQUEST_HEAD_BYTES }).process,
      ingestStart(config, journal, slot, slots, secret),
    ),
  )
  const processes = [...workers, store]

  let draining = false
  const server = privateServer(processes, () => draining)
  await new Promise<void>((resolveListening, reject) => {
    server.once('error', reject)
    server.listen(config.metricsPort, config.privateBind, resolveListening)
  })

  const stopSignal = new Promise<string>((resolveSignal) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolveSignal(signal))
  })
  // Until everything is up for the first time, a child's failure is the start's: a wrong directory, a corrupt store.
  const startFailed = new Promise<string>((resolveFailure) => (failure = resolveFailure))
  for (const process of processes) process.start()
  const outcome = await Promise.race([
    Promise.all(processes.map((process) => process.whenReady())).then(() => 'up' as const),
    startFailed.then((message) => ({ message })),
    stopSignal.then(() => 'stopped' as const),
  ])
  if (outcome === 'up') process.stdout.write(banner(config, packageVersion()))
  failure = null

  if (outcome === 'up') logger.info({ signal: await stopSignal }, 'stopping: what was accepted is being stored')
  draining = true
  const clean = await stopInOrder(
    journal,
    workers,
    store,
    typeof outcome === 'string' ? config.drainTimeoutMs : 0,
    logger,
  )
  server.close()
  server.closeAllConnections()
  await lock.release()
  if (typeof outcome !== 'string') throw new GatepostError('STORE_UNAVAILABLE', `cannot start: ${outcome.message}`)
  if (clean) logger.info('stopped; everything that was accepted is stored')
  return clean ? 0 : 1
}

async function ownDirectory(dataDir: string) {
  try {
    await makeDirectory(dataDir)
  } catch (error) {
    throw new GatepostError(
      'CONFIG_INVALID',
      `GATEPOST_DATA_DIR=${dataDir}: cannot be created: ${messageOf(error)}`,
      error,
    )
  }
  try {
    return await lockDirectory(dataDir, 'supervisor')
  } catch (error) {
    if (!(error instanceof GatepostError) || error.code !== 'DIRECTORY_LOCKED') throw error
    throw new GatepostError(
      'DIRECTORY_LOCKED',
      `another instance of gatepost is running on ${dataDir}. Stop it first, or give this one a directory of its own (GATEPOST_DATA_DIR).`,
      error,
    )
  }
}

/** Every port made sure of before anything starts, so that one that is taken stops the start. */
async function withPorts(config: Config): Promise<Config> {
  const { bind, privateBind } = config
  return {
    ...config,
    gatewayPort: await usablePort('GATEPOST_GATEWAY_PORT', 'GATEPOST_BIND', bind, config.gatewayPort),
    ingestPort: await usablePort('GATEPOST_INGEST_PORT', 'GATEPOST_BIND', bind, config.ingestPort),
    sqlPort: await usablePort('GATEPOST_SQL_PORT', 'GATEPOST_PRIVATE_BIND', privateBind, config.sqlPort),
    metricsPort: await usablePort('GATEPOST_METRICS_PORT', 'GATEPOST_PRIVATE_BIND', privateBind, config.metricsPort),
  }
}

/** Seals what was left open in slots that no worker of this instance takes. @returns how many slots share the journal's bound */
async function recoverOrphans(journal: string, workers: number, logger: Logger): Promise<number> {
  const orphans = existingSlots(journal).filter((slot) => slot >= workers)
  await recoverSlots(journal, orphans, logger)
  return workers + orphans.length
}

async function recoverSlots(journal: string, slots: readonly number[], logger: Logger): Promise<void> {
  for (const slot of slots) {
    const directory = slotDirectory(journal, slot)
    const lock = await lockDirectory(directory, SLOT_LOCK, ORPHAN_WAIT_MS)
    await recoverSlot(directory, logger)
    await lock.release()
  }
}

function ingestStart(config: Config, journal: string, slot: number, slots: number, secret: string): IngestStart {
  return {
    journal,
    slot,
    slotMaxBytes: Math.floor(config.journalMaxBytes / slots),
    segmentMaxBytes: config.segmentMaxBytes,
    sealAfterMs: config.segmentMaxMs,
    bind: config.bind,
    gatewayPort: config.gatewayPort,
    ingestPort: config.ingestPort,
    trustedProxies: config.trustedProxies ?? [],
    authMode: config.authMode,
    secret,
    ack: config.ack,
  }
}

function storeStart(config: Config, dataDir: string): StoreStart {
  return {
    dataDir,
    privateBind: config.privateBind,
    sqlPort: config.sqlPort,
    sqlPassword: config.sqlPassword,
    sqlAdminPassword: config.sqlAdminPassword,
    retentionDays: config.retentionDays,
    allowedHosts: config.allowedHosts ?? [],
  }
}

/**
 * Workers first, so that the journal is complete when the store drains it. A worker that had to be killed loses nothing: what it
 * acknowledged is in its slot, which is recovered here.
 * @returns whether everything that was accepted is in its table
 */
async function stopInOrder(
  journal: string,
  workers: readonly ManagedProcess[],
  store: ManagedProcess,
  withinMs: number,
  logger: Logger,
): Promise<boolean> {
  const deadline = Date.now() + withinMs
  await Promise.all(workers.map((worker) => worker.stop(withinMs, false)))
  if (withinMs > 0) await recoverSlots(journal, existingSlots(journal), logger)
  return store.stop(Math.max(0, deadline - Date.now()), true)
}

function childFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Config } from '../config.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { Failure } from './messages.ts'
import { privateServer } from './private-server.ts'

/** What one command of the supervisor runs. */
export interface Composition {
  readonly config: Pick<Config, 'privateBind' | 'metricsPort' | 'drainTimeoutMs'>
  readonly processes: readonly ManagedProcess[]
  /** Whether it can do its work now, for /readyz. */
  readonly ready: () => boolean
  /** Printed when everything is up. */
  readonly banner: string
  /** Ends every process, in order, within this time. @returns whether nothing of what was accepted is left for the next start */
  readonly stop: (withinMs: number) => Promise<boolean>
  readonly logger: Logger
}

/**
 * Starts the processes, keeps them running, and ends them when a signal says so.
 * @returns the exit status: 0 after a stop in which everything was stored in time, 1 after one that left something or had to kill
 * @throws GatepostError of the process that could not start; everything has ended then
 */
export async function run(composition: Composition): Promise<number> {
  const { config, processes, logger } = composition
  let draining = false
  const server = privateServer(processes, composition.ready, () => draining)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(config.metricsPort, config.privateBind, resolve)
  })

  const stopSignal = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
  // Until everything is up for the first time, a child's failure is the start's: a wrong directory, a corrupt store, a wrong password.
  const startFailed = new Promise<Failure>((resolve) => {
    for (const process of processes) process.onFailure = resolve
  })
  for (const process of processes) process.start()
  const outcome = await Promise.race([
    Promise.all(processes.map((process) => process.whenReady())).then(() => 'up' as const),
    startFailed,
    stopSignal.then(() => 'stopped' as const),
  ])
  for (const process of processes) process.onFailure = null
  if (outcome === 'up') {
    process.stdout.write(composition.banner)
    logger.info({ signal: await stopSignal }, 'stopping: what was accepted is being stored')
  }
  draining = true
  const clean = await composition.stop(typeof outcome === 'string' ? config.drainTimeoutMs : 0)
  server.close()
  server.closeAllConnections()
  if (typeof outcome !== 'string') {
    throw new GatepostError(outcome.code ?? 'STORE_UNAVAILABLE', `cannot start: ${outcome.message}`)
  }
  if (clean) logger.info('stopped; everything that was accepted is stored')
  return clean ? 0 : 1
}

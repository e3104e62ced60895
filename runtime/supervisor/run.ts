import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Config } from '../config/config.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { Failure } from '../messages.ts'
import { harden } from './hardening.ts'
import { privateServer } from './private-server.ts'

/** The processes that one command supervises. */
export interface Composition {
  readonly config: Pick<Config, 'privateBind' | 'metricsPort' | 'drainTimeoutMs' | 'tlsCert'>
  readonly processes: readonly ManagedProcess[]
  /** The data directory, whose disk is measured; null: none. */
  readonly dataDir: string | null
  /** Whether it can do its work now, for /readyz. */
  readonly ready: () => boolean
  /** Printed when everything is up. */
  readonly banner: string
  /**
   * Work of this process itself once everything is up; must end soon after `stopped`. If it returns `stop` or throws, everything is stopped.
   */
  readonly work?: (stopped: AbortSignal) => Promise<'serve' | 'stop'>
  /** Stops every process, in order, within this time. @returns whether all accepted records are stored */
  readonly stop: (withinMs: number) => Promise<boolean>
  readonly logger: Logger
}

/**
 * Starts the processes, keeps them running, and stops them on a signal.
 * @returns the exit status: 0 if everything was stored in time, 1 if something was left or a process had to be killed
 * @throws GatepostError of the process that could not start, or of the composition's own work; everything has ended then
 */
export async function run(composition: Composition): Promise<number> {
  const { config, processes, logger } = composition
  harden(logger)
  let draining = false
  let workError: Error | null = null
  const server = privateServer({ ...composition, draining: () => draining })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(config.metricsPort, config.privateBind, resolve)
  })

  const stopSignal = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal))
  })
  // Without TLS a hang-up ends the command, as it does by default.
  if (config.tlsCert !== undefined) {
    process.on('SIGHUP', () => {
      for (const process of processes) process.reload()
    })
  }
  // Until everything is up for the first time, a child's failure fails the start: a wrong directory, a corrupt store, a wrong password.
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
    workError = await untilStopped(composition, stopSignal)
  }
  draining = true
  const clean = await composition.stop(typeof outcome === 'string' ? config.drainTimeoutMs : 0)
  server.close()
  server.closeAllConnections()
  if (typeof outcome !== 'string') {
    throw new GatepostError(outcome.code ?? 'STORE_UNAVAILABLE', `cannot start: ${outcome.message}`)
  }
  if (workError !== null) throw workError
  if (clean) logger.info({ event: 'process.stopped' }, 'stopped; all accepted records are stored')
  return clean ? 0 : 1
}

/** @returns the error of the composition's own work; null: no error, or one that came after the stop */
async function untilStopped(
  { work, logger }: Pick<Composition, 'work' | 'logger'>,
  stopSignal: Promise<string>,
): Promise<Error | null> {
  const stopped = new AbortController()
  const forever = new Promise<never>(() => {})
  let error: Error | null = null
  const done = work?.(stopped.signal).catch((reason: unknown) => {
    // After a stop an error has no consequence.
    if (!stopped.signal.aborted) error = reason instanceof Error ? reason : new Error(String(reason))
    return 'stop' as const
  })
  const signal = await Promise.race([stopSignal, done?.then((next) => (next === 'stop' ? 'none' : forever)) ?? forever])
  stopped.abort()
  await done
  logger.info({ event: 'process.stopping', signal }, 'stopping; storing accepted records first')
  return error
}

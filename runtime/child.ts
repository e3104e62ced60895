import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { Refused } from '../reporter/dashboard/options.ts'
import type { FromChild, MetricsJson, ToChild } from './messages.ts'

/** What a child may say to its supervisor and ask of it. */
export interface Supervisor {
  /** Tells, whenever it changes, whether what the child works with answers. */
  available(available: boolean): void
  /** What the ingest workers beside it did not take; null: there are none, or nobody answered in time. */
  refused(): Promise<readonly Refused[] | null>
}

/** A supervisor that does not answer in this time has other things to do. */
const REFUSED_TIMEOUT_MS = 3000
/** Questions that wait for an answer. */
const MAX_QUESTIONS = 16

/** What a child process of the supervisor does. */
export interface Child<Start> {
  start(start: Start, supervisor: Supervisor): Promise<void>
  /** Finishes what was accepted; the process then exits with status 0. */
  drain(withinMs: number): Promise<void>
  metrics(): Promise<MetricsJson>
}

/**
 * Runs a child under its supervisor: nothing before it is told to start, and nothing after its supervisor has gone.
 * Everything it must not lose is on disk, so that ending at once is always right.
 */
export function runChild<Start>(child: Child<Start>, logger: Logger): void {
  // An error means that the supervisor has gone, which is handled where it is noticed.
  const send = (message: FromChild, sent: () => void = () => {}) => {
    if (process.connected) process.send?.(message, undefined, undefined, sent)
    else sent()
  }
  const fail = (error: unknown) => {
    logger.fatal({ err: error }, messageOf(error))
    const code = error instanceof GatepostError ? error.code : null
    send({ type: 'failed', message: messageOf(error), code }, die)
  }
  const questions = new Map<number, (refused: readonly Refused[] | null) => void>()
  let nextQuestion = 1
  const refused = (): Promise<readonly Refused[] | null> => {
    if (questions.size === MAX_QUESTIONS) return Promise.resolve(null)
    const id = nextQuestion++
    return new Promise<readonly Refused[] | null>((resolve) => {
      const timer = setTimeout(() => resolve(null), REFUSED_TIMEOUT_MS)
      questions.set(id, (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      send({ type: 'refused', id })
    }).finally(() => questions.delete(id))
  }
  const orphaned = () => {
    logger.warn('the supervisor has ended; exiting')
    die()
  }

  // Ctrl-C reaches every process of the terminal: the supervisor says when to stop, and in which order.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('disconnect', orphaned)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)

  process.on('message', (message: ToChild<Start>) => {
    switch (message.type) {
      case 'start':
        child
          .start(message.start, { available: (available) => send({ type: 'available', available }), refused })
          .then(() => send({ type: 'ready' }), fail)
        break
      case 'refused':
        questions.get(message.id)?.(message.refused)
        break
      case 'drain':
        // Not left to the event loop: engines keep threads and sockets.
        child.drain(message.withinMs).then(() => process.exit(0), fail)
        break
      case 'metrics':
        child.metrics().then(
          (metrics) => send({ type: 'metrics', id: message.id, metrics }),
          (error: unknown) => logger.error({ err: error }, 'cannot collect metrics for the supervisor'),
        )
        break
    }
  })
  // It may have gone before anybody listened.
  if (process.connected) send({ type: 'hello' })
  else orphaned()
}

/**
 * Ends at once. process.exit() would wait for the engine to close its sessions, for as long as a statement runs in one of them,
 * and keep ports and locks from the successor meanwhile.
 */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

import { GatepostError, messageOf } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import type { Refused } from '../reporter/dashboard/options.ts'
import type { FromChild, MetricsJson, ToChild } from './messages.ts'

/** What a child can tell and ask its supervisor. */
export interface Supervisor {
  /** Reports a change: whether the services that the child depends on answer. */
  available(available: boolean): void
  /** Says that this process has to be killed and started again. */
  hangs(reason: string): void
  /** Requests and records that the ingest workers refused; null: there are no workers, or no answer came in time. */
  refused(): Promise<readonly Refused[] | null>
}

/** Limit for an answer of the supervisor. */
const REFUSED_TIMEOUT_MS = 3000
/** How often a child tells its supervisor that it is alive. */
export const ALIVE_EVERY_MS = 1000
/** Maximum number of unanswered questions. */
const MAX_QUESTIONS = 16

/** A child process of the supervisor. */
export interface Child<Start> {
  start(start: Start, supervisor: Supervisor): Promise<void>
  /** Finishes accepted work; the process then exits with status 0. */
  drain(withinMs: number): Promise<void>
  /** Reads again what may change while it runs. */
  reload?(): void
  metrics(): Promise<MetricsJson>
  /** Whether what the child cannot work without, such as an engine in its process, answers. Default: yes. */
  isAlive?(): boolean
}

/**
 * Runs a child under its supervisor: it starts when told to and ends when the supervisor ends.
 * Everything that must survive is on disk, so it is safe to end at any moment.
 */
export function runChild<Start>(child: Child<Start>, logger: Logger): void {
  // An error here means that the supervisor has ended, which the disconnect handler deals with.
  const send = (message: FromChild, sent: () => void = () => {}) => {
    if (process.connected) process.send?.(message, undefined, undefined, sent)
    else sent()
  }
  const fail = (error: unknown) => {
    logger.fatal({ event: 'process.failed', err: error }, messageOf(error))
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
    logger.warn({ event: 'process.orphaned' }, 'the supervisor has ended; exiting')
    die()
  }

  // Ctrl-C reaches every process of the terminal; the supervisor decides when each one stops.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('SIGHUP', () => {})
  process.on('disconnect', orphaned)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)

  process.on('message', (message: ToChild<Start>) => {
    switch (message.type) {
      case 'start':
        child
          .start(message.start, {
            available: (available) => send({ type: 'available', available }),
            hangs: (reason) => send({ type: 'hangs', reason }),
            refused,
          })
          .then(() => send({ type: 'ready' }), fail)
        break
      case 'refused':
        questions.get(message.id)?.(message.refused)
        break
      case 'reload':
        child.reload?.()
        break
      case 'drain':
        // Exit explicitly: threads and sockets of the engine keep the event loop alive.
        child.drain(message.withinMs).then(() => process.exit(0), fail)
        break
      case 'metrics':
        child.metrics().then(
          (metrics) => send({ type: 'metrics', id: message.id, metrics }),
          (error: unknown) =>
            logger.error({ event: 'process.metrics_failed', err: error }, 'cannot collect metrics for the supervisor'),
        )
        break
    }
  })
  setInterval(() => {
    if (child.isAlive?.() ?? true) send({ type: 'alive' })
  }, ALIVE_EVERY_MS).unref()
  // The supervisor may have ended before the handlers were installed.
  if (process.connected) send({ type: 'hello' })
  else orphaned()
}

/**
 * Ends at once. process.exit() would wait for the engine to close its sessions, which takes as long as a running statement, and would keep
 * ports and locks from the successor meanwhile.
 */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

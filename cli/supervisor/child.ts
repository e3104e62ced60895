import { messageOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { FromChild, MetricsJson, ToChild } from './messages.ts'

/** What a child process of the supervisor does. */
export interface Child<Start> {
  start(start: Start): Promise<void>
  /** Finishes what was accepted; the process then exits with status 0. */
  drain(withinMs: number): Promise<void>
  metrics(): Promise<MetricsJson>
}

/** How long a child whose supervisor has gone may still take to finish cleanly. */
const ORPHAN_MS = 1000

/**
 * Runs a child under its supervisor: nothing before it is told to start, and nothing after its supervisor has gone.
 * Everything it must not lose is on disk, so that ending at once is always right.
 */
export function runChild<Start>(child: Child<Start>, logger: Logger): void {
  const send = (message: FromChild) => {
    if (process.connected) process.send?.(message)
  }
  const fail = (error: unknown) => {
    logger.fatal({ err: error }, messageOf(error))
    send({ type: 'failed', message: messageOf(error) })
    exit(1)
  }

  // Ctrl-C reaches every process of the terminal: the supervisor says when to stop, and in which order.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('disconnect', () => {
    logger.warn('the supervisor has gone: ending')
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_MS)
    exit(1)
  })
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)

  process.on('message', (message: ToChild<Start>) => {
    switch (message.type) {
      case 'start':
        child.start(message.start).then(() => send({ type: 'ready' }), fail)
        break
      case 'drain':
        child.drain(message.withinMs).then(() => exit(0), fail)
        break
      case 'metrics':
        child.metrics().then(
          (metrics) => send({ type: 'metrics', id: message.id, metrics }),
          (error: unknown) => logger.error({ err: error }, 'metrics failed'),
        )
        break
    }
  })
  send({ type: 'hello' })
}

/** Not left to the event loop: engines keep threads and sockets. */
function exit(status: number): void {
  process.exit(status)
}

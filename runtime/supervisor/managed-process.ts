import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from '../../common/backoff.ts'
import type { Logger } from '../../common/logger.ts'
import type { Refused } from '../../reporter/dashboard/options.ts'
import { ALIVE_EVERY_MS } from '../child.ts'
import type { Failure, FromChild, MetricsJson, ToChild } from '../messages.ts'
import { Silence } from './silence.ts'

/** The wait before a restart doubles from first to last; a process that has been ready this long counts as healthy again. */
const FIRST_BACKOFF_MS = 100
const LAST_BACKOFF_MS = 5000
const HEALTHY_AFTER_MS = 2000

/** A child that does not answer in this time is missing from the scrape. */
const METRICS_TIMEOUT_MS = 2000

export interface ManagedProcessOptions {
  readonly name: string
  readonly fork: () => ChildProcess
  /** Returns the start message; called at every start. */
  readonly start: () => unknown
  /** Returns what ingest refused, for a child that asks; unset: this command has no ingest. */
  readonly refused?: () => Promise<readonly Refused[]>
  /** A child that has been silent for this long is replaced. */
  readonly hungAfterMs: number
  readonly logger: Logger
}

/** Keeps one child process running: restarts it with growing waits when it dies or hangs, until it is stopped. */
export class ManagedProcess {
  readonly #options: ManagedProcessOptions
  #child: ChildProcess | null = null
  #ready = false
  #available = true
  #stopping = false
  #readyAt: number | null = null
  readonly #backoff = new Backoff(FIRST_BACKOFF_MS, LAST_BACKOFF_MS)
  #restartTimer: NodeJS.Timeout | null = null
  readonly #silence: Silence
  #watch: NodeJS.Timeout | null = null
  #nextId = 1
  readonly #scrapes = new Map<number, (metrics: MetricsJson) => void>()
  readonly #waitingForReady: (() => void)[] = []
  #onExit: ((status: number | null) => void) | null = null
  /** Restarts since the supervisor's start. */
  restarts = 0
  /** Children that hung and were killed, since the supervisor's start. */
  hung = 0
  /** Those of them that reported a query that the engine does not end. Counted here: a child is killed before its own counter is read. */
  overdue = 0
  /** Called with the reason when a child ends on its own. */
  onFailure: ((failure: Failure) => void) | null = null

  constructor(options: ManagedProcessOptions) {
    this.#options = options
    this.#silence = new Silence(options.hungAfterMs)
  }

  get name(): string {
    return this.#options.name
  }

  /** The child has started, and gives signs of life. */
  get ready(): boolean {
    return this.#ready && !this.#silence.isNoticed
  }

  /** The child is ready, and the services it depends on answer. */
  get available(): boolean {
    return this.ready && this.#available
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  start(): void {
    const { logger, name } = this.#options
    const child = this.#options.fork()
    this.#child = child
    this.#readyAt = null
    this.#available = true
    this.#silence.reset()
    this.#watch = setInterval(() => this.#listen(child), ALIVE_EVERY_MS)
    child.on('message', (message: FromChild) => this.#received(child, message))
    child.on('error', (error) =>
      logger.error(
        { event: 'supervisor.start_failed', err: error, process: name },
        'supervisor: cannot start or message a process',
      ),
    )
    child.once('exit', (code, signal) => this.#ended(child, code, signal))
  }

  /** Resolves when the process is ready for the first time. */
  whenReady(): Promise<void> {
    if (this.#ready) return Promise.resolve()
    return new Promise((resolve) => this.#waitingForReady.push(resolve))
  }

  /**
   * Tells the process to finish, waits until it has exited, and kills it after `withinMs`.
   * `finishes`: only this process can finish its work, so it is restarted once if it has just died.
   * @returns whether it finished its work and exited by itself, or had no work
   */
  async stop(withinMs: number, finishes: boolean): Promise<boolean> {
    const deadline = performance.now() + withinMs
    if (finishes && withinMs > 0 && !this.#ready) {
      if (this.#child === null) {
        clearTimeout(this.#restartTimer ?? undefined)
        this.start()
      }
      await Promise.race([this.whenReady(), sleep(withinMs)])
    }
    this.#stopping = true
    clearTimeout(this.#restartTimer ?? undefined)
    const child = this.#child
    if (child === null) return !finishes
    const idle = !this.#ready
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          // With no time at all, the kill is intended: another process could not start.
          if (withinMs > 0)
            this.#options.logger.error(
              { event: 'supervisor.process_killed', process: this.name },
              'supervisor: a process did not stop in time and was killed; acknowledged records are in the record log',
            )
          child.kill('SIGKILL')
        },
        Math.max(0, deadline - performance.now()),
      )
      this.#onExit = (status) => {
        clearTimeout(timer)
        resolve(status === 0 || (idle && !finishes))
      }
      if (this.#ready) this.#send(child, { type: 'drain', withinMs: Math.max(0, deadline - performance.now()) })
      else child.kill('SIGKILL')
    })
  }

  /** Tells the process to read again what may change while it runs. */
  reload(): void {
    if (this.#child !== null && this.#ready) this.#send(this.#child, { type: 'reload' })
  }

  /** The process's metrics; null if it does not answer. */
  metrics(): Promise<MetricsJson | null> {
    const child = this.#child
    // A scrape does not wait for a child that is known to be silent.
    if (child === null || !this.ready) return Promise.resolve(null)
    const id = this.#nextId++
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#scrapes.delete(id)
        resolve(null)
      }, METRICS_TIMEOUT_MS)
      this.#scrapes.set(id, (metrics) => {
        clearTimeout(timer)
        resolve(metrics)
      })
      this.#send(child, { type: 'metrics', id })
    })
  }

  #send(child: ChildProcess, message: ToChild<unknown>): void {
    // An error here means that the child has ended; the exit handler deals with it.
    child.send(message, () => {})
  }

  #received(child: ChildProcess, message: FromChild): void {
    switch (message.type) {
      case 'hello':
        this.#send(child, { type: 'start', start: this.#options.start() })
        break
      case 'ready':
        this.#ready = true
        this.#readyAt = performance.now()
        for (const resolve of this.#waitingForReady.splice(0)) resolve()
        break
      case 'alive':
        this.#silence.reset()
        break
      case 'hangs':
        this.overdue++
        this.#replace(child, message.reason)
        break
      case 'available':
        this.#available = message.available
        break
      case 'metrics':
        this.#scrapes.get(message.id)?.(message.metrics)
        this.#scrapes.delete(message.id)
        break
      case 'refused':
        void this.#tellRefused(child, message.id)
        break
      case 'failed':
        this.onFailure?.(message)
        break
    }
  }

  /** A stopping child has a deadline of its own. */
  #listen(child: ChildProcess): void {
    this.#silence.tick()
    if (this.#stopping || !this.#silence.isTooLong(this.#ready)) return
    this.#replace(child, `no sign of life for ${this.#silence.limitMs(this.#ready) / 1000} s`)
  }

  /** What the child had acknowledged is in the record log. */
  #replace(child: ChildProcess, reason: string): void {
    this.hung++
    this.#silence.reset()
    this.#options.logger.error(
      { event: 'supervisor.process_hangs', process: this.name, pid: child.pid, reason },
      `supervisor: ${this.name} hangs; killing it. Acknowledged records are in the record log`,
    )
    child.kill('SIGKILL')
  }

  async #tellRefused(child: ChildProcess, id: number): Promise<void> {
    const refused = (await this.#options.refused?.()) ?? null
    this.#send(child, { type: 'refused', id, refused })
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return
    this.#child = null
    clearInterval(this.#watch ?? undefined)
    this.#ready = false
    if (this.#stopping) {
      this.#onExit?.(code)
      return
    }
    if (this.#readyAt !== null && performance.now() - this.#readyAt > HEALTHY_AFTER_MS) this.#backoff.reset()
    const restartInMs = Math.round(this.#backoff.next())
    this.#options.logger.error(
      { event: 'supervisor.process_ended', process: this.name, code, signal, restartInMs },
      `supervisor: ${this.name} ended; restarting it`,
    )
    this.restarts++
    this.#restartTimer = setTimeout(() => this.start(), restartInMs)
  }
}

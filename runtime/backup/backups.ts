import { randomUUID } from 'node:crypto'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { GatepostError, messageOf, type ErrorCode } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { repeat, type Repeated } from '../../common/repeat.ts'
import { readLastBackup, writeLastBackup } from './last.ts'
import type { BackupParts, BackupRequest, MadeBackup } from './make-backup.ts'
import { timeOfId } from './manifest.ts'
import { placeOf } from './place.ts'
import { isS3, type S3Access } from './s3/address.ts'

/** When and where backups are made without being asked for. */
export interface BackupSchedule {
  readonly to: string
  readonly everyMs: number
  /** How many backups are kept, besides the bases of those. */
  readonly keep: number
}

export interface BackupsOptions extends Omit<BackupParts, 'stopped'> {
  /** Null: only on request. */
  readonly schedule: BackupSchedule | null
  readonly s3: S3Access
  readonly logger: Logger
}

export interface BackupStats {
  failures: number
  /** When the last backup was begun that was completed, ms since the epoch; null: none was. */
  lastAt: number | null
  /** How long the last one took, and how long nothing was stored meanwhile, ms; null: none since the start. */
  lastTookMs: number | null
  lastHeldMs: number | null
  lastBytes: number | null
}

/** A backup that was asked for. */
export type BackupState =
  | { readonly state: 'running' }
  | { readonly state: 'made'; readonly made: MadeBackup }
  | { readonly state: 'failed'; readonly error: string; readonly code: ErrorCode | null }

const requestSchema = z.object({
  to: z.string().refine((to) => isAbsolute(to) || isS3(to)),
  base: z.string().nullable(),
})

const LOOK_EVERY_MS = 30_000
const RETRY_MS = 10 * 60_000
/** The schedule makes a full backup if the last one is older. */
const FULL_EVERY_MS = 7 * 24 * 3_600_000

/** The backups of a process with an embedded store: on a schedule, and on request of commands. One is made at a time. */
export class Backups {
  readonly stats: BackupStats
  readonly #options: BackupsOptions
  readonly #repeated: Repeated | null
  #stopping = false
  #running: Promise<unknown> | null = null
  /** The last one that was asked for. */
  #asked: { readonly token: string; state: BackupState } | null = null
  #notBefore = 0

  constructor(options: BackupsOptions) {
    this.#options = options
    const lastAt = readLastBackup(options.dataDir)?.at ?? null
    this.stats = { failures: 0, lastAt, lastTookMs: null, lastHeldMs: null, lastBytes: null }
    const { schedule } = options
    this.#repeated = schedule === null ? null : repeat(() => this.#runIfDue(schedule))
  }

  get everyMs(): number {
    return this.#options.schedule?.everyMs ?? 0
  }

  /** POST backup: begins one, and answers with its token. GET backup/<token>: its state. */
  async operation(method: string, path: string, body: unknown): Promise<object | null> {
    if (method === 'POST' && path === 'backup') return { token: this.#begin(body) }
    const token = /^backup\/([\w-]+)$/.exec(path)?.[1]
    if (method !== 'GET' || token === undefined || this.#asked?.token !== token) return null
    return Promise.resolve(this.#asked.state)
  }

  /** Gives up a backup that is being made. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#repeated?.stop()
    await this.#running
  }

  #begin(body: unknown): string {
    const request = requestSchema.safeParse(body)
    if (!request.success)
      throw new GatepostError('INPUT_INVALID', 'a backup needs an absolute path, or s3://bucket/prefix')
    if (this.#running !== null) throw new GatepostError('DIRECTORY_LOCKED', 'a backup is being made already')
    const asked: { token: string; state: BackupState } = { token: randomUUID(), state: { state: 'running' } }
    this.#asked = asked
    void this.#make(request.data).then(
      (made) => (asked.state = { state: 'made', made }),
      (error: unknown) => {
        const code = error instanceof GatepostError ? error.code : null
        asked.state = { state: 'failed', error: messageOf(error), code }
      },
    )
    return asked.token
  }

  async #make(request: BackupRequest): Promise<MadeBackup> {
    const { logger, dataDir } = this.#options
    const parts = { ...this.#options, stopped: () => this.#stopping }
    const making = placeOf(request.to, this.#options.s3).then((place) => place.make(parts, request.base))
    this.#running = making.catch(() => undefined)
    try {
      const made = await making
      const at = timeOfId(made.id)
      writeLastBackup(dataDir, { id: made.id, at, directory: made.directory })
      Object.assign(this.stats, {
        lastAt: at,
        lastTookMs: made.tookMs,
        lastHeldMs: made.heldMs,
        lastBytes: made.bytes,
      } satisfies Partial<BackupStats>)
      logger.info({ event: 'backup.made', ...made }, `backup: ${made.id} was made in ${made.directory}`)
      return made
    } catch (error) {
      this.stats.failures++
      logger.error(
        { event: 'backup.failed', to: request.to, error: messageOf(error) },
        `backup: could not be made: ${messageOf(error)}`,
      )
      throw error
    } finally {
      this.#running = null
    }
  }

  async #runIfDue({ to, everyMs, keep }: BackupSchedule): Promise<number> {
    const now = Date.now()
    if (this.#running !== null || now < this.#notBefore) return LOOK_EVERY_MS
    const { failures } = this.stats
    try {
      const place = await placeOf(to, this.#options.s3)
      const all = await place.list()
      const newest = all.at(-1)
      if (newest !== undefined && now - timeOfId(newest.id) < everyMs) return LOOK_EVERY_MS
      const full = all.findLast(({ base }) => base === null)
      const base = full !== undefined && now - timeOfId(full.id) < FULL_EVERY_MS ? full.id : null
      await this.#make({ to, base })
      const removed = await place.removeOld(keep)
      if (removed.length > 0)
        this.#options.logger.info({ event: 'backup.removed', removed }, 'backup: old ones were removed')
    } catch (error) {
      // A place that cannot be read, such as a disk that is not mounted, fails before anything is made.
      if (this.stats.failures === failures) this.stats.failures++
      this.#options.logger.warn(
        { event: 'backup.retrying', to, error: messageOf(error) },
        'backup: trying again in ten minutes',
      )
      this.#notBefore = Date.now() + RETRY_MS
    }
    return LOOK_EVERY_MS
  }
}

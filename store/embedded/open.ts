import { drainPending, type Session } from 'chdb'
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { lockDirectory, type DirectoryLock } from '../../common/directory-lock.ts'
import type { Logger } from '../../common/logger.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import type { Ownership, InsertOutcome, QueryParams } from '../contract.ts'
import { insertOnce } from '../exactly-once/insert.ts'
import { loadMigrations, migrate } from '../migrations.ts'
import { applyRetention, DEFAULT_RETENTION, wholeSince, type Retention } from '../retention.ts'
import { openEngine, type EngineRole } from './access-control.ts'
import { AvroFiles } from './avro-files.ts'
import {
  BACKUP_SETTINGS,
  rowsInParts,
  RunningBackup,
  type EmbeddedStore,
  type TablesBackup,
  type TablesToBackUp,
} from './backup.ts'
import { check } from './check.ts'
import { EngineConnection } from './connection.ts'
import { READER_SETTINGS, WRITER_SETTINGS } from './engine-settings.ts'
import { storeError } from './errors.ts'
import { WorkerQueue } from '../work-queue.ts'

export interface EmbeddedStoreOptions {
  /** The engine's directory: created if missing, locked by this process until close(). One per process. */
  readonly path: string
  readonly logger: Logger
  /** Queries that run at once, default 3; more are queued. Reads never wait for inserts. */
  readonly readConnections?: number
  /** Concurrent inserts under ownerships, default 1. */
  readonly inserters?: number
  /** Default 32 days. */
  readonly retention?: Retention
  /** Roles that connections of others to this engine can take. Default: none. */
  readonly roles?: readonly EngineRole[]
  /** How long to wait for another process to release the directory, default 0. */
  readonly lockWaitMs?: number
}

const MAX_WAITING = 1000

/**
 * Opens the ClickHouse engine in this process, through the official client.
 * @throws GatepostError DIRECTORY_LOCKED
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const path = resolve(options.path)
  await mkdir(path, { recursive: true })
  const lock = await lockDirectory(path, 'store', options.lockWaitMs ?? 0)
  const store = new ChdbStore(options, path, lock)
  try {
    await store.open()
    return store
  } catch (error) {
    await store.close()
    throw storeError(error)
  }
}

class ChdbStore implements EmbeddedStore {
  readonly #options: EmbeddedStoreOptions
  readonly #path: string
  readonly #retention: Retention
  readonly #lock: DirectoryLock
  readonly #files: AvroFiles
  /** Runs no queries: while it is open the engine stays alive, whichever connections are replaced. */
  #anchor: Session | null = null
  readonly #connections: readonly EngineConnection[]
  readonly #readers: WorkerQueue<EngineConnection>
  /** A single worker serialises writes, so that nothing happens between a look-up and its insert. */
  readonly #writer: WorkerQueue<EngineConnection>
  /** Inserts under ownerships: no two of them hold the same batch, so each look-up stays valid for its own. */
  readonly #inserters: WorkerQueue<EngineConnection>
  readonly #inserterCount: number
  /** A backup takes longer than other statements may, and one runs at a time. */
  readonly #backups: WorkerQueue<EngineConnection>

  constructor(options: EmbeddedStoreOptions, path: string, lock: DirectoryLock) {
    this.#options = options
    this.#path = path
    this.#retention = options.retention ?? DEFAULT_RETENTION
    this.#lock = lock
    this.#files = new AvroFiles(`${path}-incoming`)
    const writer = new EngineConnection(path, WRITER_SETTINGS)
    const readers = Array.from(
      { length: options.readConnections ?? 3 },
      () => new EngineConnection(path, READER_SETTINGS),
    )
    const inserters = Array.from({ length: options.inserters ?? 1 }, () => new EngineConnection(path, WRITER_SETTINGS))
    const backups = new EngineConnection(path, BACKUP_SETTINGS)
    this.#connections = [...readers, ...inserters, writer, backups]
    this.#backups = new WorkerQueue([backups], MAX_WAITING)
    this.#inserterCount = inserters.length
    this.#inserters = new WorkerQueue(inserters, MAX_WAITING)
    this.#readers = new WorkerQueue(readers, MAX_WAITING)
    this.#writer = new WorkerQueue([writer], MAX_WAITING)
  }

  /** Loads the tables. */
  async open(): Promise<void> {
    await this.#files.clear()
    this.#anchor = openEngine(this.#path, this.#options.roles ?? [])
    await this.#anchor.queryAsync('SELECT 1')
  }

  async migrate(): Promise<void> {
    const { logger } = this.#options
    await this.#write(async (connection) => {
      await migrate(connection, loadMigrations(), logger)
      await applyRetention(connection, this.#retention, logger)
    })
  }

  async query<T>(sql: string, params?: QueryParams): Promise<T[]> {
    return withStoreErrors(() => this.#readers.use((connection) => connection.rows<T>(sql, params)))
  }

  command(sql: string, params?: QueryParams): Promise<void> {
    return this.#write((connection) => connection.run(sql, params))
  }

  /** Only one process has the engine, and its inserts end with it: every ownership keeps the newest epoch. */
  takeOwnership(stream: Stream, partition: string): Promise<Ownership> {
    return Promise.resolve({ stream, partition, epoch: 1, owner: 'embedded' })
  }

  insertOnce(stream: Stream, batches: readonly Batch[], ownerships: readonly Ownership[] = []): Promise<InsertOutcome> {
    const queue = ownerships.length === 0 ? this.#writer : this.#inserters
    return withStoreErrors(() =>
      queue.use((connection) => {
        const inserter = this.#files.inserter(connection)
        return insertOnce(connection, inserter, stream, batches, wholeSince(this.#retention.dead_letters))
      }),
    )
  }

  check(stream: Stream, batches: readonly Batch[]): Promise<string | null> {
    return this.#write((connection) => check(connection, this.#files.inserter(connection), stream, batches))
  }

  backUp(what: TablesToBackUp): Promise<TablesBackup> {
    return withStoreErrors(() =>
      this.#backups.use(async (connection) => {
        const { backup, ...chosen } = await this.#hold(() => this.#choose(connection, what))
        await backup.written()
        return chosen
      }),
    )
  }

  async #choose(connection: EngineConnection, what: TablesToBackUp): Promise<TablesBackup & { backup: RunningBackup }> {
    const started = performance.now()
    // A merge would change the number of rows in parts between the choice and the count.
    await connection.run('SYSTEM STOP MERGES')
    try {
      const backup = await RunningBackup.start(connection, randomUUID(), what)
      await backup.chosen()
      const rows = await rowsInParts(connection)
      await what.whileHeld()
      return { backup, rows, heldMs: performance.now() - started }
    } finally {
      await connection.run('SYSTEM START MERGES')
    }
  }

  /** Runs `work` while no other statement of this store writes. */
  #hold<T>(work: () => Promise<T>): Promise<T> {
    const queues = [...Array.from({ length: this.#inserterCount }, () => this.#inserters), this.#writer]
    return queues.reduce((inner, queue) => () => queue.use(inner), work)()
  }

  async close(): Promise<void> {
    await Promise.all([this.#readers.close(), this.#writer.close(), this.#inserters.close(), this.#backups.close()])
    for (const connection of this.#connections) await connection.close()
    this.#anchor?.close()
    // close() of a connection returns before the engine has released the directory.
    await drainPending()
    await this.#lock.release()
  }

  #write<T>(work: (connection: EngineConnection) => Promise<T>): Promise<T> {
    return withStoreErrors(() => this.#writer.use(work))
  }
}

async function withStoreErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeError(error)
  }
}

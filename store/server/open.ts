import { randomBytes } from 'node:crypto'
import { GatepostError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Batch } from '../../schemas/batch.ts'
import type { Stream } from '../../schemas/streams/index.ts'
import { WorkerQueue } from '../work-queue.ts'
import type { Ownership, InsertOutcome, QueryParams, Store } from '../contract.ts'
import { insertOnce } from '../exactly-once/insert.ts'
import type { SqlConnection } from '../sql.ts'
import { DEFAULT_RETENTION, wholeSince, type Retention } from '../retention.ts'
import { parseAddress, type ServerAddress } from './address.ts'
import { check } from './check.ts'
import { commandForm, localForm } from './cluster.ts'
import { ServerClient } from './client.ts'
import { runningError, serverError, startError } from './errors.ts'
import { takeOwnership, FENCE_PATIENCE, type FencePatience } from './fence.ts'
import { HttpInserter } from './inserter.ts'
import { migrateServer } from './migrate.ts'
import { CLUSTER_SETTINGS, INSERT_SECONDS, LOOK_UP_SECONDS, REQUIRED_SETTINGS } from './settings.ts'

export interface ServerStoreOptions {
  /** GATEPOST_CLICKHOUSE_URL: http(s)://user:password@host:port/gatepost. */
  readonly url: string
  readonly logger: Logger
  /** Tables are created ON CLUSTER and replicated. Default: one server. */
  readonly cluster?: string | undefined
  /** Default 32 days. */
  readonly retention?: Retention
  /** gzip the bodies of inserts, which costs about 20 ms of CPU per MiB. Default: unless the server is on this machine. */
  readonly compress?: boolean
  /** How long ownership() waits for running inserts; default 10 s before they are killed, 30 s in total. */
  readonly fencePatience?: FencePatience
}

/** Concurrent inserts of one stream under ownerships. */
const INSERTS_AT_ONCE = 2
/** Maximum queue length of one stream. */
const MAX_WAITING = 1000

/**
 * Opens a ClickHouse server, through the official client over HTTP.
 * @throws GatepostError CONFIG_INVALID: the URL, user or password is wrong, or a right or a setting is missing; STORE_UNAVAILABLE: the
 *   server does not
 *  answer
 */
export async function openServerStore(options: ServerStoreOptions): Promise<Store> {
  const address = parseAddress(options.url)
  const store = new ServerStore(options, address)
  try {
    await store.open()
    return store
  } catch (error) {
    await store.close()
    throw startError(error, address)
  }
}

class ServerStore implements Store {
  readonly #options: ServerStoreOptions
  readonly #retention: Retention
  readonly #address: ServerAddress
  /** Id in ownerships and query ids: one per opened store. */
  readonly #owner = randomBytes(8).toString('hex')
  readonly #client: ServerClient
  /** The same connection for the exactly-once procedure, with short time limits. */
  readonly #procedure: SqlConnection
  readonly #inserter: HttpInserter
  /** Serialises, by stream, taking ownership and inserts without it: the result of a look-up stays valid until its insert is done. */
  readonly #turns = new Map<Stream, WorkerQueue<null>>()
  /** Inserts under ownerships: no two of them hold the same batch. */
  readonly #inserts = new Map<Stream, WorkerQueue<null>>()
  /** Ownerships of inserts by an only writer, by stream. */
  readonly #soleOwnerships = new Map<Stream, Ownership>()

  constructor(options: ServerStoreOptions, address: ServerAddress) {
    this.#options = options
    this.#retention = options.retention ?? DEFAULT_RETENTION
    this.#address = address
    const settings = options.cluster === undefined ? {} : CLUSTER_SETTINGS
    const client = new ServerClient(address, options.compress ?? !address.isLoopback, settings)
    this.#client = client
    const form = options.cluster === undefined ? (sql: string) => sql : localForm
    this.#procedure = {
      rows: (sql) => client.rows(form(sql), undefined, LOOK_UP_SECONDS),
      run: (sql) => client.run(form(sql), undefined, INSERT_SECONDS),
    }
    this.#inserter = new HttpInserter(client, this.#owner, settings, form)
  }

  async open(): Promise<void> {
    const names = REQUIRED_SETTINGS.map((name) => `'${name}'`).join(', ')
    const rows = await this.#procedure.rows<{ name: string }>(
      `SELECT name FROM system.settings WHERE name IN (${names})`,
    )
    const known = new Set(rows.map(({ name }) => name))
    const missing = REQUIRED_SETTINGS.filter((name) => !known.has(name))
    if (missing.length > 0) {
      const what = `does not have the settings that inserts depend on: ${missing.join(', ')}`
      throw new GatepostError(
        'CONFIG_INVALID',
        `the ClickHouse server ${this.#address.origin} ${what}; use a newer one`,
      )
    }
    await this.#procedure.rows(`SELECT query_id FROM system.processes LIMIT 1`)
  }

  async migrate(): Promise<void> {
    const { logger, cluster } = this.#options
    try {
      await migrateServer(this.#client, this.#inserter, {
        logger,
        retention: this.#retention,
        ...(cluster === undefined ? {} : { cluster }),
      })
    } catch (error) {
      throw startError(error, this.#address)
    }
  }

  query<T>(sql: string, params?: QueryParams): Promise<T[]> {
    return this.#asked(() => this.#client.rows<T>(sql, params))
  }

  command(sql: string, params?: QueryParams): Promise<void> {
    const { cluster } = this.#options
    return this.#asked(async () => {
      for (const form of cluster === undefined ? [sql] : commandForm(sql, cluster)) await this.#client.run(form, params)
    })
  }

  takeOwnership(stream: Stream, partition: string, previous: Ownership | null): Promise<Ownership> {
    return this.#turn(stream, () => this.#ownership(stream, partition, previous))
  }

  insertOnce(stream: Stream, batches: readonly Batch[], ownerships: readonly Ownership[] = []): Promise<InsertOutcome> {
    if (batches.length === 0) return Promise.resolve({ rows: 0, alreadyPresent: 0 })
    if (ownerships.length === 0) return this.#turn(stream, () => this.#insertAlone(stream, batches))
    const insert = () => this.#insert(stream, batches, ownerships)
    return this.#use(queueOf(this.#inserts, stream, INSERTS_AT_ONCE), insert)
  }

  check(stream: Stream, batches: readonly Batch[]): Promise<string | null> {
    return this.#turn(stream, () => check(this.#procedure, this.#inserter, stream, batches))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#turns.values(), ...this.#inserts.values()].map((queue) => queue.close()))
    await this.#client.close()
  }

  #ownership(stream: Stream, partition: string, previous: Ownership | null): Promise<Ownership> {
    const patience = this.#options.fencePatience ?? FENCE_PATIENCE
    return takeOwnership(this.#procedure, this.#owner, stream, partition, previous, patience)
  }

  /** An only writer takes ownership too, so that an attempt whose answer was lost cannot write later. */
  async #insertAlone(stream: Stream, batches: readonly Batch[]): Promise<InsertOutcome> {
    const ownership = this.#soleOwnerships.get(stream) ?? (await this.#ownership(stream, 'sole writer', null))
    this.#soleOwnerships.set(stream, ownership)
    try {
      return await this.#insert(stream, batches, [ownership])
    } catch (error) {
      const code = error instanceof GatepostError ? error.code : null
      if (code !== 'STORE_REFUSED') this.#soleOwnerships.delete(stream)
      throw error
    }
  }

  #insert(stream: Stream, batches: readonly Batch[], ownerships: readonly Ownership[]): Promise<InsertOutcome> {
    const lettersSince = wholeSince(this.#retention.dead_letters)
    return insertOnce(this.#procedure, this.#inserter, stream, batches, lettersSince, ownerships)
  }

  #turn<T>(stream: Stream, work: () => Promise<T>): Promise<T> {
    return this.#use(queueOf(this.#turns, stream, 1), work)
  }

  async #use<T>(queue: WorkerQueue<null>, work: () => Promise<T>): Promise<T> {
    try {
      return await queue.use(work)
    } catch (error) {
      throw runningError(error, this.#address)
    }
  }

  async #asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw serverError(error, this.#address)
    }
  }
}

function queueOf(queues: Map<Stream, WorkerQueue<null>>, stream: Stream, width: number): WorkerQueue<null> {
  let queue = queues.get(stream)
  if (queue === undefined) {
    queue = new WorkerQueue(new Array<null>(width).fill(null), MAX_WAITING)
    queues.set(stream, queue)
  }
  return queue
}

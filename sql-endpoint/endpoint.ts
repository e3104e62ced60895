import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { addressGroup } from '../common/ip-address.ts'
import { ConnectionGate } from '../common/connection-gate.ts'
import { TrustedProxies } from '../common/trusted-proxies.ts'
import { boundConnections } from '../common/web-server.ts'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatepostError, messageOf } from '../common/errors.ts'
import { isGreeting, urlOf } from './address.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { Overdue } from './connection.ts'
import type { Engine, EngineFacts } from './engine.ts'
import { openEngine } from './open-engine.ts'
import type { SqlError } from './errors.ts'
import { DataBudget, within } from './data-budget.ts'
import { asSqlError } from './errors.ts'
import { sendFailure } from './failure.ts'
import { Gate, Queue } from './gate.ts'
import { HostCheck } from '../common/hosts.ts'
import { externalTablesOf, parametersOfTables } from './external/external-tables.ts'
import { isMultipart, readMultipart, withFields, type Multipart } from './external/multipart.ts'
import { isReadonly } from './guard/settings.ts'
import { Login, type Client } from './login.ts'
import { DEFAULT_LIMITS, type SqlEndpointOptions, type SqlLimits } from './options.ts'
import { spool, type DataFile } from './insert.ts'
import { answerOperation, OPERATIONS_PATH } from './operations.ts'
import { Output } from './output.ts'
import { runQuery } from './query.ts'
import type { Checked, LastAnswer, QueryOutcome } from './query-context.ts'
import { readRequest, type SqlRequest } from './request.ts'
import { hiddenColumns, limitsOfReader, readerRoleName, readersThatHold } from './readers.ts'
import { RecentTexts } from './recent-texts.ts'
import { Records } from './records.ts'
import { RunningStatements } from './running-statements.ts'
import { grantsOf, requestedRole, roleName } from './roles.ts'
import { SqlSessions, type SessionUse } from './sessions/sql-sessions.ts'
import { Counters, refusalOf, type SqlStats } from './stats.ts'
import { firstWord, readQueryText } from './text.ts'

export interface SqlEndpoint {
  readonly port: number
  /** Accepts no more requests, and waits for running ones: at most as long as a query may run. */
  close(): Promise<void>
  /**
   * Waits for the writing statements that run, and lets no other begin. @returns what lets them
   * @throws SqlError TOO_MANY_SIMULTANEOUS_QUERIES: they did not end in the time that a statement may wait
   */
  holdWriters(): Promise<() => void>
  stats(): SqlStats
}

const READING = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESC', 'DESCRIBE', 'EXPLAIN', 'EXISTS', 'SET', 'USE'])
/** What can be done to a temporary table. */
const CHANGING = new Set(['CREATE', 'INSERT', 'DROP', 'TRUNCATE'])
/** When closing, requests may finish within this time and are then aborted. */
const CLOSING_GRACE_MS = 3000
const KILL_CONNECTIONS = 2
/** Texts of which something is remembered, and their longest length in characters: some megabytes together. */
const MOST_TEXTS = 300
const LONGEST_TEXT = 8192
const FIRST_BYTE_MS = 10_000
/** Nothing moves while a statement waits for its turn and runs; who does not read its result is disconnected before. */
const STALLED_MS = 3_600_000

/**
 * Serves ClickHouse's HTTP interface over the embedded engine.
 * @throws GatepostError STORE_UNAVAILABLE: the engine cannot be opened, or the address cannot be bound
 */
export async function startSqlEndpoint(options: SqlEndpointOptions): Promise<SqlEndpoint> {
  const limits: SqlLimits = { ...DEFAULT_LIMITS, ...options.limits }
  const { engine, facts } = await openEngine(options)
  const proxies = new TrustedProxies(options.trustedProxies ?? [])
  const gate = new ConnectionGate(
    { total: limits.maxSockets, perAddress: limits.maxSocketsPerAddress },
    (address) => address !== '' && proxies.trusts(address),
  )
  const service = new Service(options, limits, engine, facts, gate)
  const server = createServer(
    {
      // A query may be part of the URL.
      maxHeaderSize: Math.max(64 * 1024, limits.maxQueryBytes * 2),
      headersTimeout: 10_000,
      requestTimeout: 300_000,
      keepAliveTimeout: 10_000,
      connectionsCheckingInterval: 5_000,
    },
    (req, res) => void service.handle(req, res),
  )
  boundConnections(server, { gate, firstByteMs: FIRST_BYTE_MS, stalledMs: STALLED_MS })
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port, options.host, resolve)
    })
  } catch (error) {
    engine.close()
    throw new GatepostError('STORE_UNAVAILABLE', `SQL endpoint: ${messageOf(error)}`, error)
  }
  return {
    port: (server.address() as AddressInfo).port,
    stats: () => service.stats(),
    holdWriters: () => service.holdWriters(),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      await Promise.race([service.idle(), sleep(CLOSING_GRACE_MS)])
      service.giveUp()
      server.closeAllConnections()
      await service.idle()
      await closed
      await service.closeConnections()
      engine.close()
    },
  }
}

class Service {
  readonly #options: SqlEndpointOptions
  readonly #limits: SqlLimits
  readonly #engine: Engine
  readonly #facts: EngineFacts
  readonly #hosts: HostCheck
  readonly #login: Login
  readonly #gate: ConnectionGate
  readonly #queue: Queue
  readonly #readers: Gate
  readonly #writers: Gate
  /** A KILL must not wait for the query that it is to end. */
  readonly #killers: Gate
  readonly #judgements = new RecentTexts<Checked>(MOST_TEXTS, LONGEST_TEXT)
  readonly #answers = new RecentTexts<LastAnswer>(MOST_TEXTS, LONGEST_TEXT)
  readonly #records: Records
  readonly #sessions: SqlSessions
  readonly #connections: ConnectionPool
  readonly #running = new RunningStatements()
  readonly #readerData: DataBudget
  readonly #counters = new Counters()
  readonly #requests = new Set<Promise<void>>()
  /** Aborted when a client disconnects or is disconnected. */
  readonly #clients = new Set<AbortController>()

  constructor(
    options: SqlEndpointOptions,
    limits: SqlLimits,
    engine: Engine,
    facts: EngineFacts,
    gate: ConnectionGate,
  ) {
    this.#options = options
    this.#limits = limits
    this.#engine = engine
    this.#facts = facts
    this.#hosts = new HostCheck(options.host, options.allowedHosts ?? [])
    this.#login = new Login({
      ...options,
      readers: readersThatHold(options.readers ?? [], facts, options.logger),
    })
    this.#gate = gate
    this.#records = new Records(options)
    this.#sessions = new SqlSessions(limits)
    this.#connections = new ConnectionPool(engine, limits.readConnections * 2)
    this.#readerData = new DataBudget(limits.maxReaderDataBytes, limits.maxAllReaderDataBytes)
    this.#queue = new Queue(limits.maxQueued, limits.maxQueuedSeconds * 1000)
    this.#readers = new Gate(limits.readConnections, this.#queue)
    this.#writers = new Gate(limits.writeConnections, this.#queue)
    this.#killers = new Gate(KILL_CONNECTIONS, this.#queue)
  }

  stats(): SqlStats {
    const { completed, failed, abandoned, slow, refused, rowsRead, bytesSent } = this.#counters
    const active = this.#readers.active + this.#writers.active
    return {
      completed,
      failed,
      abandoned,
      slow,
      refused: { ...refused },
      active,
      queued: this.#queue.length,
      sessions: this.#sessions.size,
      tableBytes: this.#sessions.bytes,
      rowsRead,
      bytesSent,
      connectionsRefused: { ...this.#gate.refused },
    }
  }

  /** Ends queued requests and streams now; a running computation ends with the engine. */
  giveUp(): void {
    for (const client of this.#clients) client.abort()
  }

  async closeConnections(): Promise<void> {
    await this.#sessions.close()
    await this.#connections.close()
  }

  async holdWriters(): Promise<() => void> {
    const held: (() => void)[] = []
    const release = () => {
      for (const leave of held) leave()
    }
    try {
      for (let slot = 0; slot < this.#limits.writeConnections; slot++)
        held.push(await this.#writers.enter('backup', new AbortController().signal))
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  async idle(): Promise<void> {
    while (this.#requests.size > 0) await Promise.allSettled(this.#requests)
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const refusal = this.#hosts.refusal(req)
    if (refusal !== null) {
      this.#counters.refused.host++
      res
        .writeHead(403, { 'Content-Type': 'text/plain; charset=UTF-8', Connection: 'close' })
        .end(`Refused: ${refusal}\n`)
      return
    }
    const url = urlOf(req)
    if (url === null) {
      res.writeHead(400, { 'Content-Type': 'text/plain; charset=UTF-8', Connection: 'close' }).end('Bad request\n')
      return
    }
    res.setHeader('X-ClickHouse-Server-Display-Name', 'gatepost')
    res.setHeader('X-Content-Type-Options', 'nosniff')
    if (isGreeting(req, url)) {
      res.writeHead(200, { 'Content-Type': 'text/html; charset=UTF-8' }).end('Ok.\n')
      return
    }
    const { operations } = this.#options
    if (operations !== undefined && url.pathname.startsWith(OPERATIONS_PATH)) {
      await this.#run(answerOperation(operations, this.#login, req, res, url, this.#options.dataPath))
      return
    }
    if (url.pathname !== '/' || !['GET', 'POST', 'PUT'].includes(req.method ?? '')) {
      const status = url.pathname === '/' ? 501 : 404
      res.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' })
      res.end(`There is no handle ${url.pathname}\n\nUse / or /ping for health checks, and queries go to /\n`)
      return
    }
    await this.#run(this.#query(req, res, url.searchParams))
  }

  /** @param work never rejects */
  async #run(work: Promise<void>): Promise<void> {
    this.#requests.add(work)
    await work.finally(() => this.#requests.delete(work))
  }

  /** Never rejects. */
  async #query(req: IncomingMessage, res: ServerResponse, params: URLSearchParams): Promise<void> {
    const left = new AbortController()
    this.#clients.add(left)
    res.on('error', () => undefined)
    res.once('close', () => {
      if (!res.writableFinished) left.abort()
    })
    let output: Output | null = null
    let leave: (() => void) | null = null
    let use: SessionUse | null = null
    let data: DataFile | null = null
    let form: Multipart | null = null
    const share = this.#readerData.share()
    let client: Client | null = null
    let code = 0
    let started = 0
    const outcome: QueryOutcome = { statement: null, shape: '', rows: 0 }
    try {
      client = await this.#login.admit(req, params)
      const { reader, user } = client
      const role = requestedRole(client.role, reader, params.getAll('role'))
      const limits = limitsOfReader(reader, this.#limits)
      if (isMultipart(req)) form = await readMultipart(req, params, this.#limits, share)
      const asked = form === null ? params : withFields(params, form.fields)
      const request = readRequest(req, asked, parametersOfTables(form?.files ?? []))
      const tables = externalTablesOf(form?.files ?? [], asked)
      this.#announce(res, request)
      output = new Output(res, request)
      if (request.session !== null) {
        use = this.#sessions.enter(client.user, role === 'reader', request.session)
        output.beforeEnd = use.release
      }
      const text = await readQueryText(form === null ? req : null, asked, this.#limits)
      // GET never changes anything: a link or an image on any web page could trigger it.
      const asksToRead = isReadonly(request.settings.get('readonly')) || use?.session.isReadonly === true
      const mayWrite = role !== 'reader' && req.method !== 'GET' && !asksToRead && !READING.has(firstWord(text.sql))
      const mayChangeTemporary = use !== null && req.method !== 'GET' && CHANGING.has(firstWord(text.sql))
      if (text.data !== null && mayWrite) data = await spool(text.data)
      else if (text.data !== null && mayChangeTemporary) {
        data = await spool({ ...text.data, bytes: within(share, text.data.bytes) })
      }
      const isKill = firstWord(text.sql) === 'KILL'
      const gate = isKill ? this.#killers : mayWrite ? this.#writers : this.#readers
      const overdue = this.#overdue(mayWrite, limits)
      const lease = { ms: overdue.afterMs, revoke: () => this.#disconnectSlowReader(res) }
      leave = await gate.enter(`${client.user} ${addressGroup(client.address)}`, left.signal, lease)
      const actsAsServer = role === 'operator' || (role === 'admin' && this.#options.actsAsServer === true)
      started = performance.now()
      await runQuery({ sql: text.sql, data, tables }, request, output, {
        engine: this.#engine,
        facts: this.#facts,
        limits,
        counters: this.#counters,
        mayWrite,
        role:
          reader !== null ? readerRoleName(reader) : roleName(!mayWrite ? 'reader' : actsAsServer ? 'operator' : role),
        judgements: this.#judgements,
        answers: this.#answers,
        connections: this.#connections,
        running: this.#running,
        user: client.user,
        ownRole: reader !== null ? readerRoleName(reader) : roleName(role),
        grants: () => grantsOf(user, role, reader),
        session: use?.session ?? null,
        mayChangeTemporary,
        mayFilter: reader === null,
        hidden: reader === null ? null : hiddenColumns(reader),
        audience: actsAsServer ? 'store' : reader !== null ? 'named' : role,
        mayKill: req.method === 'GET' ? undefined : role === 'reader' ? client.user : null,
        actsAsServer,
        valuesAreExpressions: role === 'admin' && this.#options.actsAsServer === true,
        onStatement: (statement) => this.#records.statement(client, 'sql_query', statement),
        outcome,
        signal: left.signal,
        overdue,
      })
      this.#counters.completed++
    } catch (error) {
      const failure = asSqlError(error, this.#options.dataPath)
      code = failure.code
      if (refusalOf(failure) === 'guard') this.#records.statement(client, 'sql_refused', null)
      await use?.release()
      await this.#fail(res, output, failure, left.signal.aborted)
    } finally {
      this.#counters.bytesSent += output?.bytes ?? 0
      leave?.()
      await use?.release()
      // Commands of this machine are no analysts.
      if (client !== null && client.role !== 'operator' && outcome.statement !== null) {
        this.#records.query(client, outcome, code, output?.bytes ?? 0, performance.now() - started)
      }
      for (const file of [data, ...(form?.files.map((sent) => sent.data) ?? [])]) {
        await file?.remove().catch(() => undefined)
      }
      share.giveBack()
      this.#clients.delete(left)
    }
  }

  #overdue(mayWrite: boolean, { maxWriteSeconds, maxExecutionSeconds, overdueSeconds }: SqlLimits): Overdue {
    const limit = mayWrite ? maxWriteSeconds : maxExecutionSeconds
    const report = () => {
      const reason = `the engine has not ended a query ${overdueSeconds} s after its limit of ${limit} s`
      this.#options.logger.error({ event: 'sql.query_overdue', limit }, `SQL endpoint: ${reason}`)
      this.#options.onOverdue?.(reason)
    }
    return { afterMs: (limit + overdueSeconds) * 1000, report }
  }

  /**
   * For results that the engine has finished: one that is streamed ends at the query's time limit.
   * @returns false: not yet, since it is the engine that is slow, see #overdue()
   */
  #disconnectSlowReader(res: ServerResponse): boolean {
    if (res.destroyed) return true
    if (!res.headersSent) return false
    this.#counters.slow++
    this.#options.logger.warn(
      { event: 'sql.slow_reader' },
      'SQL endpoint: a client that read its result slowly was disconnected, since others wait',
    )
    res.destroy()
    return true
  }

  #announce(res: ServerResponse, request: SqlRequest): void {
    res.setHeader('X-ClickHouse-Query-Id', request.queryId)
    res.setHeader('X-ClickHouse-Timezone', this.#facts.timezone)
  }

  async #fail(res: ServerResponse, output: Output | null, error: SqlError, abandoned: boolean): Promise<void> {
    if (abandoned || res.destroyed) {
      this.#counters.abandoned++
      return
    }
    const refusal = refusalOf(error)
    if (refusal === null) this.#counters.failed++
    else this.#counters.refused[refusal]++
    this.#options.logger.debug({ event: 'sql.query_failed', code: error.code, name: error.codeName }, 'query failed')
    await sendFailure(res, output, error, this.#facts.version)
  }
}

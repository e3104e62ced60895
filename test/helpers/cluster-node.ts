import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Session } from 'chdb'
import { messageOf } from '../../common/errors.ts'
import { packageFile } from '../../common/package-root.ts'
import { quoted } from '../../store/sql.ts'
import { cleanEnv } from './clean-env.ts'
import { freePorts } from './instance.ts'
import { NEVER_MS } from './until.ts'

/*
 * Stands for one node of deploy/clickhouse in tests: the engine with that configuration and the role `gatepost` of its users, over HTTP, in a
 * process of its own. Statements on Distributed tables run, on a cluster of this node alone. What needs Keeper does not exist in this engine:
 * ON CLUSTER is checked (syntax, the right to it) and then left out, and a Replicated table is one that is not. As a program:
 *
 *   cluster-node.js <directory> <port> <grants of the role as JSON, or null for those of deploy/clickhouse>
 *
 * It prints `ready` when it listens.
 */

const CLUSTER = 'gatepost'

export class ClusterNode {
  readonly #program: readonly string[]
  readonly port: number
  #child: ChildProcess

  private constructor(program: readonly string[], port: number, child: ChildProcess) {
    this.#program = program
    this.port = port
    this.#child = child
  }

  /** @param grants of the role, instead of those of deploy/clickhouse */
  static async start(directory: string, grants: readonly string[] | null = null): Promise<ClusterNode> {
    mkdirSync(directory, { recursive: true })
    const [port] = await freePorts(1)
    const program = [fileURLToPath(import.meta.url), directory, String(port), JSON.stringify(grants)]
    return new ClusterNode(program, port, await launch(program))
  }

  get url(): string {
    return `http://gatepost@127.0.0.1:${this.port}/gatepost`
  }

  get pid(): number {
    return this.#child.pid as number
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** On the same directory and port. */
  async restart(): Promise<void> {
    this.#child = await launch(this.#program)
  }
}

async function launch(program: readonly string[]): Promise<ChildProcess> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...program], {
    env: cleanEnv({
      UV_THREADPOOL_SIZE: '16',
      CLICKHOUSE_CLUSTER_SECRET: 'secret',
      CLICKHOUSE_SHARD: '1',
      CLICKHOUSE_REPLICA: '1',
      GATEPOST_CLICKHOUSE_PASSWORD: 'password',
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-10_000)))
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the node is not up:\n${output}`)), NEVER_MS)
    child.once('exit', (code, signal) => reject(new Error(`the node ended with ${code ?? signal}:\n${output}`)))
    child.stdout.on('data', (chunk: Buffer) => {
      if (!String(chunk).includes('ready')) return
      clearTimeout(timer)
      resolve()
    })
  })
  return child
}

/** The files of deploy/clickhouse as a server has them, with what another cluster of one node overrides. */
export function writeNodeConfiguration(directory: string, grants: readonly string[] | null): string {
  const file = (name: string) => join(directory, name)
  for (const name of ['config.d', 'users.d'])
    cpSync(packageFile(join('deploy/clickhouse', name)), file(name), { recursive: true })
  const replica = '<replica><host>127.0.0.1</host><port>9000</port></replica>'
  const shard = `<shard><internal_replication>true</internal_replication>${replica}</shard>`
  writeFileSync(
    file('config.xml'),
    `<clickhouse><tcp_port>9000</tcp_port><users_config>${file('users.xml')}</users_config></clickhouse>`,
  )
  // Files are merged in the order of their names.
  writeFileSync(
    file('config.d/one-node.xml'),
    `<clickhouse><zookeeper remove="remove"/><remote_servers><${CLUSTER} replace="replace">${shard}</${CLUSTER}></remote_servers></clickhouse>`,
  )
  const user = '<no_password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>'
  const all =
    '<everything><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></everything>' +
    '<reads_bodies><grants><query>GRANT READ ON FILE</query></grants></reads_bodies>'
  writeFileSync(
    file('users.xml'),
    `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><roles>${all}</roles>` +
      `<users><default>${user}<grants><query>GRANT everything, gatepost, reads_bodies</query></grants></default></users></clickhouse>`,
  )
  if (grants !== null) {
    const queries = grants.map((grant) => `<query>${grant}</query>`).join('')
    writeFileSync(
      file('users.d/other-grants.xml'),
      `<clickhouse><roles><gatepost replace="replace"><grants>${queries}</grants></gatepost></roles></clickhouse>`,
    )
  }
  return file('config.xml')
}

/** What the engine answers to ON CLUSTER after it has checked syntax and right: it has no Keeper. */
const NO_DDL = /^Code: 392\b/
const ON_CLUSTER = new RegExp(` ON CLUSTER '${CLUSTER}'`, 'g')
const REPLICATED = /\bENGINE = Replicated(\w*MergeTree)\b/g
/** As http_max_uri_size of a server: a statement names thousands of batches. */
const MAX_URI = 1024 * 1024
/** Parameters of the HTTP interface that are no settings of the engine. */
const NO_SETTINGS = new Set(['query', 'query_id', 'database', 'wait_end_of_query', 'enable_http_compression', 'role'])

async function serve(directory: string, port: number, grants: readonly string[] | null): Promise<void> {
  const { Session } = await import('chdb')
  const configuration = mkdtempSync(join(tmpdir(), 'gatepost-node-'))
  const path = join(directory, 'engine')
  const config = writeNodeConfiguration(configuration, grants)
  const own = new Session(path, { connectionArgs: [`--config-file=${config}`] })
  await own.queryAsync('CREATE DATABASE IF NOT EXISTS gatepost')
  rmSync(configuration, { recursive: true, force: true })
  const running = new Map<string, string>()

  async function answer(req: IncomingMessage): Promise<string> {
    const { searchParams } = new URL(req.url ?? '/', 'http://localhost')
    const inUrl = searchParams.get('query')
    const queryId = searchParams.get('query_id') ?? ''
    const spool = join(directory, `body-${randomName()}`)
    const settings = [...searchParams].filter(([name]) => !NO_SETTINGS.has(name) && !name.startsWith('param_'))
    const session = new Session(path, { connectionArgs: settings.map(([name, value]) => `--${name}=${value}`) })
    running.set(queryId, inUrl ?? '')
    try {
      let sql = inUrl ?? (await textOf(req))
      if (inUrl !== null) {
        await pipeline(req, createWriteStream(spool))
        sql = sql.replace(/\binput\(('(?:[^'\\]|\\.|'')*')\)/, (_, structure: string) => {
          return `file(${quoted(spool)}, 'Avro', ${structure})`
        })
        sql = sql.replace(/ FORMAT Avro$/, '')
      }
      const parameters = [...searchParams].filter(([name]) => name.startsWith('param_'))
      for (const [name, value] of parameters) await session.queryAsync(`SET ${name} = ${quoted(value)}`)
      // Everybody may read files here: they are the bodies of requests.
      await session.queryAsync(inUrl === null ? 'SET ROLE gatepost' : 'SET ROLE gatepost, reads_bodies')
      return await runStatement(session, withProcesses(sql, running, queryId))
    } finally {
      running.delete(queryId)
      session.close()
      rmSync(spool, { force: true })
    }
  }

  const server = createServer({ maxHeaderSize: MAX_URI }, (req: IncomingMessage, res: ServerResponse) => {
    answer(req).then(
      (text) => res.end(text),
      (error: unknown) => res.writeHead(500, { 'X-ClickHouse-Exception-Code': '1' }).end(messageOf(error)),
    )
  })
  server.listen(port, '127.0.0.1', () => {
    process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`)
  })
}

/** The engine knows no query ids of requests. */
function withProcesses(sql: string, running: ReadonlyMap<string, string>, own: string): string {
  if (!sql.includes('FROM system.processes') && !sql.startsWith('KILL QUERY')) return sql
  if (sql.startsWith('KILL QUERY')) return 'KILL QUERY WHERE 0 ASYNC'
  const others = [...running].filter(([id]) => id !== own).map(([id, text]) => `(${quoted(id)}, ${quoted(text)})`)
  const rows = others.length === 0 ? "('', '')" : others.join(', ')
  return sql.replace(
    'system.processes',
    `(SELECT * FROM values('query_id String, query String', ${rows})) AS processes`,
  )
}

async function runStatement(session: Session, sql: string): Promise<string> {
  if (ON_CLUSTER.test(sql)) {
    ON_CLUSTER.lastIndex = 0
    const refused = await session.queryAsync(sql).then(
      () => null,
      (error: unknown) => error as Error,
    )
    if (refused !== null && !NO_DDL.test(refused.message)) throw refused
  }
  const form = sql.replace(ON_CLUSTER, '').replace(REPLICATED, 'ENGINE = $1')
  return (await session.queryAsync(form)).text()
}

async function textOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function randomName(): string {
  return Math.random().toString(36).slice(2)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, port, grants] = process.argv.slice(2)
  await serve(directory, Number(port), JSON.parse(grants) as string[] | null)
}

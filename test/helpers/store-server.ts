import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { cleanEnv } from './clean-env.ts'
import { freePorts } from './instance.ts'
import { NEVER_MS } from './until.ts'

/*
 * Replaces a ClickHouse server in tests: its engine, with the HTTP interface of the embedded SQL endpoint, in a separate
 * process over a directory that outlives it. As a program:
 *
 *   store-server.js <directory> <port, or 0> <password of user admin>
 *
 * It prints `ready <port>` when it listens, and ends on SIGTERM.
 */

export class StoreServer {
  readonly #directory: string
  readonly #password: string
  #child: ChildProcess
  /** The same from start to start. */
  readonly port: number

  private constructor(directory: string, password: string, child: ChildProcess, port: number) {
    this.#directory = directory
    this.#password = password
    this.#child = child
    this.port = port
  }

  static async start(directory: string, options: { port?: number; password?: string } = {}): Promise<StoreServer> {
    const password = options.password ?? 'admin-password'
    const { child, port } = await launch(directory, options.port ?? (await freePorts(1))[0], password)
    return new StoreServer(directory, password, child, port)
  }

  /** Starts again after stop(), on the same directory and port. */
  async restart(): Promise<void> {
    this.#child = (await launch(this.#directory, this.port, this.#password)).child
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** The value for GATEPOST_CLICKHOUSE_URL; through a proxy: with the proxy's port. */
  url(port = this.port): string {
    return `http://admin:${this.#password}@127.0.0.1:${port}/gatepost`
  }

  /** Stops the process and waits for its end. The engine closes slowly: SIGTERM is followed by SIGKILL. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    // A process that is stopped (SIGSTOP) does not react to SIGTERM.
    child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(timer)
  }

  async query<T>(sql: string): Promise<T[]> {
    const text = await this.#send(`${sql} FORMAT JSONEachRow`)
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T)
  }

  async command(sql: string): Promise<void> {
    await this.#send(sql)
  }

  async #send(body: string): Promise<string> {
    const headers = { 'X-ClickHouse-User': 'admin', 'X-ClickHouse-Key': this.#password }
    const url = `http://127.0.0.1:${this.port}/?output_format_json_quote_64bit_integers=1`
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(NEVER_MS) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(text)
    return text
  }
}

async function launch(
  directory: string,
  port: number,
  password: string,
): Promise<{ child: ChildProcess; port: number }> {
  // The test runner adds its loaders to the environment of every spawn; env(1) removes them.
  const program = [process.execPath, fileURLToPath(import.meta.url), directory, String(port), password]
  const child = spawn('env', ['-u', 'NODE_OPTIONS', ...program], {
    // A thread for each running query, as in the store process.
    env: cleanEnv({ UV_THREADPOOL_SIZE: '16' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-10_000)))
  const listening = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the store server is not up:\n${output}`)), NEVER_MS)
    child.once('exit', (code, signal) => reject(new Error(`the store server ended with ${code ?? signal}:\n${output}`)))
    let line = ''
    child.stdout.on('data', (chunk: Buffer) => {
      line += String(chunk)
      const match = /^ready (\d+)$/m.exec(line)
      if (match === null) return
      clearTimeout(timer)
      resolve(Number(match[1]))
    })
  })
  return { child, port: listening }
}

async function serve(directory: string, port: number, adminPassword: string): Promise<void> {
  const { engineRoles, startSqlEndpoint } = await import('../../sql-endpoint/index.ts')
  await mkdir(directory, { recursive: true })
  const { openEngine } = await import('../../store/embedded/access-control.ts')
  // Statements name thousands of batches, and several processes connect at once.
  const limits = { writeConnections: 4, maxQueryBytes: 1024 * 1024, maxQueued: 1000, maxInsertBytes: 1024 ** 3 }
  const session = openEngine(directory, engineRoles([], limits))
  await session.queryAsync('CREATE DATABASE IF NOT EXISTS gatepost')
  const endpoint = await startSqlEndpoint({
    dataPath: directory,
    host: '127.0.0.1',
    port,
    password: adminPassword,
    adminPassword,
    actsAsServer: true,
    limits,
    logger: pino({ level: process.env['STORE_SERVER_LOG_LEVEL'] ?? 'silent' }, pino.destination(2)),
  })
  process.once('SIGTERM', () => {
    // The engine may hang while the process exits.
    void endpoint.close().finally(() => process.kill(process.pid, 'SIGKILL'))
  })
  process.stdout.write(`ready ${endpoint.port}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, port, password] = process.argv.slice(2)
  await serve(directory, Number(port), password)
}

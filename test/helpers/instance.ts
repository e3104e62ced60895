import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from './clean-env.ts'
import { copyTables } from './copy-tables.ts'
import { wrongLogLines } from './log-lines.ts'
import { run } from './run.ts'
import { NEVER_MS, untilEnough } from './until.ts'

/*
 * Below the range of ports for outgoing connections (Linux: 32768 and up), so that a port that is free now is
 * still free when it is bound, and when its owner starts again. Each test process has a part of the range to itself: the process that
 * listens on its first port.
 */
const FIRST_PORT = 15_000
const PORTS_OF_A_PROCESS = 200
const PARTS = 85
let part: Promise<number> | null = null
let nextPort = 0

/** Free ports. */
export async function freePorts(count: number): Promise<number[]> {
  const first = await (part ??= ownPart())
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries === PORTS_OF_A_PROCESS) throw new Error(`no ${count} free ports from ${first}`)
    const port = first + 1 + (nextPort++ % (PORTS_OF_A_PROCESS - 1))
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

/** @returns the first port of a part that no other test process has, for as long as this one lives */
async function ownPart(): Promise<number> {
  for (let tries = 0; tries < PARTS; tries++) {
    const first = FIRST_PORT + ((process.pid + tries) % PARTS) * PORTS_OF_A_PROCESS
    const guard = createServer().unref()
    const own = await new Promise<boolean>((resolve) => {
      guard.once('error', () => resolve(false))
      guard.listen({ host: '127.0.0.1', port: first, exclusive: true }, () => resolve(true))
    })
    if (own) return first
  }
  throw new Error('every part of the ports has its process')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** The commands that run until they are stopped. */
export type InstanceCommand = 'serve' | 'demo' | 'ingest' | 'aggregator' | 'reporter'

export interface InstanceOptions {
  /** Default `serve`. */
  readonly command?: InstanceCommand
  /** The directory of the package that is run; default: this one. */
  readonly root?: string
  /** Arguments of Node.js for the supervisor and its children. */
  readonly nodeArguments?: readonly string[]
  /** How many files each of its processes may open (`ulimit -n`); default: as this process. */
  readonly openFiles?: number
}

/** A `gatepost serve` of this checkout, or another command, with its own ports, which it keeps across restarts. */
export class Instance {
  readonly command: InstanceCommand
  readonly dataDir: string
  /** The last part of its directory's name. */
  readonly name: string
  readonly #env: Record<string, string>
  readonly #root: string
  readonly #openFiles: number | undefined
  readonly #nodeArguments: readonly string[]
  readonly gatewayPort: number
  readonly ingestPort: number
  readonly sqlPort: number
  readonly metricsPort: number
  readonly dashboardPort: number
  #child: ChildProcess | null = null
  /** All output of the supervisor and its children. */
  output = ''

  private constructor(
    dataDir: string,
    env: Record<string, string>,
    command: InstanceCommand,
    root: string,
    ports: number[],
    { openFiles, nodeArguments = [] }: InstanceOptions,
  ) {
    this.command = command
    this.#openFiles = openFiles
    this.#nodeArguments = nodeArguments
    this.#root = root
    this.name = basename(dataDir)
    this.dataDir = env['GATEPOST_DATA_DIR'] ?? dataDir
    ;[this.gatewayPort, this.ingestPort, this.sqlPort, this.metricsPort, this.dashboardPort] = ports
    this.#env = {
      GATEPOST_DATA_DIR: dataDir,
      GATEPOST_GATEWAY_PORT: String(this.gatewayPort),
      GATEPOST_INGEST_PORT: String(this.ingestPort),
      GATEPOST_SQL_PORT: String(this.sqlPort),
      GATEPOST_METRICS_PORT: String(this.metricsPort),
      GATEPOST_DASHBOARD_PORT: String(this.dashboardPort),
      ...env,
    }
  }

  /** Starts nothing. `dataDir` need not exist; aggregator and reporter do not create it. */
  static async create(
    dataDir: string,
    env: Record<string, string> = {},
    options: InstanceOptions = {},
  ): Promise<Instance> {
    const { command = 'serve', root = packageFile('.') } = options
    return new Instance(dataDir, env, command, root, await freePorts(5), options)
  }

  get env(): NodeJS.ProcessEnv {
    return cleanEnv(this.#env)
  }

  /** Its command line. */
  get program(): string {
    return join(this.#root, 'bin/gatepost')
  }

  get pid(): number {
    return this.#child?.pid as number
  }

  /** Earlier versions, packages made of this one, and other users make their tables themselves. */
  get #copiesTables(): boolean {
    const isOther = ['GATEPOST_CLICKHOUSE_URL', 'GATEPOST_USER'].some((name) => this.#env[name] !== undefined)
    return this.command === 'serve' && this.#root === packageFile('.') && !isOther
  }

  /** Starts the supervisor and waits for its banner; copies the tables of its store, if there are none yet. `more`: variables for this start only. */
  async start(more: Record<string, string> = {}): Promise<this> {
    if (this.#copiesTables) await copyTables(join(this.dataDir, 'store'))
    // The test runner adds its loaders to the environment of every spawn; env(1) removes them.
    const words = ['env', '-u', 'NODE_OPTIONS', process.execPath, ...this.#nodeArguments, this.program, this.command]
    if (this.#openFiles !== undefined) words.unshift('sh', '-c', `ulimit -n ${this.#openFiles} && exec "$@"`, 'sh')
    const child = spawn(words[0], words.slice(1), {
      env: { ...this.env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let started = ''
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not up:\n${this.output}`)), NEVER_MS)
      child.stdout.on('data', (chunk: Buffer) => {
        this.output += String(chunk)
        started += String(chunk)
        if (!started.includes('is running')) return
        clearTimeout(timer)
        resolve()
      })
      child.stderr.on('data', (chunk: Buffer) => (this.output += String(chunk)))
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        reject(new Error(`ended with ${code ?? signal}:\n${this.output}`))
      })
    })
    return this
  }

  /** A start that is expected to be refused. @returns its exit status and its output */
  refused(more: Record<string, string> = {}): Promise<{ status: number; output: string }> {
    return run(process.execPath, [this.program, this.command], {
      env: { ...this.env, ...more },
      timeout: NEVER_MS,
    }).then(({ status, stdout, stderr }) => ({ status, output: stdout + stderr }))
  }

  /** Ends the supervisor. @returns its exit status; null if a signal ended it */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exit = once(child, 'exit')
    child.kill(signal)
    const [code] = (await exit) as [number | null]
    return code
  }

  /**
   * Kills all processes and waits for their end, so that the directory can be removed. Fails if this version logged a line that it should
   * not: so each test that runs an instance is one of its log.
   */
  async destroy(): Promise<void> {
    const children = this.#child === null ? [] : processes().filter((entry) => entry.ppid === this.pid)
    await this.stop('SIGKILL')
    for (const { pid } of children) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended with its supervisor.
      }
    }
    while (children.some(({ pid }) => isAlive(pid))) await new Promise((resolve) => setTimeout(resolve, 20))
    const wrong = this.#root === packageFile('.') ? wrongLogLines(this.output) : []
    if (wrong.length > 0) throw new Error(`these lines should not be logged:\n${wrong.join('\n')}`)
  }

  /** Pids of the instance's children whose command line names this file. */
  children(file: 'ingest-main' | 'store-main'): number[] {
    return processes()
      .filter((entry) => entry.ppid === this.pid && entry.args.includes(file))
      .map((entry) => entry.pid)
  }

  /** The last lines of its output, each up to this many characters. */
  tail(lines = 40, width = Infinity): string {
    const last = this.output.trimEnd().split('\n').slice(-lines)
    return last.map((line) => line.slice(0, width)).join('\n')
  }

  url(path: string, port = this.ingestPort): string {
    return `http://127.0.0.1:${port}${path}`
  }

  /** Rows of a query through the SQL endpoint. */
  async query<T>(sql: string): Promise<T[]> {
    const password = this.env['GATEPOST_SQL_PASSWORD'] ?? ''
    const response = await fetch(
      this.url('/?default_format=JSONEachRow&output_format_json_quote_64bit_integers=0', this.sqlPort),
      { method: 'POST', body: sql, headers: password === '' ? {} : { 'X-ClickHouse-Key': password } },
    )
    const text = await response.text()
    if (!response.ok) throw new Error(`${sql}: ${text}`)
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T)
  }

  /** Repeats a query until its rows satisfy a condition. @returns the last rows, if they never do */
  queryUntil<T>(sql: string, enough: (rows: T[]) => boolean): Promise<T[]> {
    return untilEnough(() => this.query<T>(sql), enough)
  }
}

/** Every process of this machine, with its parent. */
export function processes(): { pid: number; ppid: number; args: string }[] {
  // One -o each: on macOS what follows the first = is a heading.
  return execFileSync('ps', ['-A', '-ww', '-o', 'pid=', '-o', 'ppid=', '-o', 'args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, pid, ppid, args]) => ({ pid: Number(pid), ppid: Number(ppid), args }))
}

/** Whether a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^Z/.test(execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim())
  } catch {
    return false
  }
}

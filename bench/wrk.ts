import { execFile, execFileSync } from 'node:child_process'
import { packageFile } from '../common/package-root.ts'

/*
 * wrk is the load generator, and not autocannon: written in C it takes a third of a core where a generator in JavaScript
 * takes more than the server it measures, and on a machine of two cores the figures would be the generator's own. What
 * it sends is in load.lua; answers are not looked at there, since a look at each costs wrk as much as the request.
 */

export type RequestKind = 'ping' | 'post-auth'

/** What is sent: the arguments of load.lua. */
export type Sent = readonly [RequestKind] | readonly ['query', string, ...string[]]

/** What one run of wrk found. Rates in requests/s, latencies in milliseconds. */
export interface LoadResult {
  readonly rate: number
  readonly requests: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
  /** Answers of 400 and above, and connections that broke or timed out. */
  readonly errors: number
}

/** How wrk describes a run: see done() in load.lua. */
interface Report {
  readonly requests: number
  readonly durationUs: number
  readonly p50Us: number
  readonly p95Us: number
  readonly p99Us: number
  readonly maxUs: number
  readonly badStatus: number
  readonly socketErrors: number
}

export function hasCommand(command: string, versionFlag: string): boolean {
  try {
    execFileSync(command, [versionFlag], { stdio: 'ignore' })
    return true
  } catch (error) {
    // wrk -v ends with status 1.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

/** Ends the bench with status 2 where there is no load generator. */
export function requireWrk(): void {
  if (hasCommand('wrk', '-v')) return
  process.stderr.write('This bench needs wrk, the load generator: apt-get install wrk, or brew install wrk\n')
  process.exit(2)
}

/** One thread of wrk: two would take both cores of a small machine. */
export async function runWrk(sent: Sent, port: number, connections: number, seconds: number): Promise<LoadResult> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', packageFile('bench/load.lua')]
  const output = await run('wrk', [...args, `http://127.0.0.1:${port}`, '--', ...sent])
  const line = /^REPORT (.*)$/m.exec(output)
  if (line === null) throw new Error(`wrk gave no report:\n${output}`)
  const report = JSON.parse(line[1]) as Report
  return {
    rate: report.requests / (report.durationUs / 1e6),
    requests: report.requests,
    p50: report.p50Us / 1000,
    p95: report.p95Us / 1000,
    p99: report.p99Us / 1000,
    max: report.maxUs / 1000,
    errors: report.badStatus + report.socketErrors,
  }
}

/** Runs a command to its end. @returns its standard output */
export function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { encoding: 'utf8', timeout: 600_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command}: ${error.message}\n${stderr}`))
      else resolve(stdout)
    })
  })
}

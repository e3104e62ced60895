import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { cleanEnv } from '../test/helpers/clean-env.ts'

/** A server of this folder in a process of its own, so that it has a core to itself. */
export class Child {
  readonly #process: ChildProcess
  readonly ports: readonly number[]

  private constructor(process: ChildProcess, ports: readonly number[]) {
    this.#process = process
    this.ports = ports
  }

  /** @param file such as `serve-bare.js` */
  static async start(file: string, args: readonly string[]): Promise<Child> {
    const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
      env: cleanEnv(),
      // The pipe to standard input is how the child learns that this process has died.
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(`${file} ended with ${String(code)} before it listened`)
    })
    const [line] = (await Promise.race([once(child.stdout, 'data'), failed])) as [Buffer]
    failed.catch(() => {})
    return new Child(child, JSON.parse(String(line)) as number[])
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exit
  }
}

/** In the child: says where it listens, and ends with the process that started it. */
export function announcePort(...ports: number[]): void {
  process.stdin.on('end', () => process.exit(0)).resume()
  process.on('SIGTERM', () => process.exit(0))
  process.stdout.write(JSON.stringify(ports) + '\n')
}

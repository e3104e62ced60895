import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { cleanEnv } from '../test/helpers/clean-env.ts'
import { SteadyLoad, type LoadResult } from './steady-load.ts'

/*
 * A steady load from a process of its own. The gateways of a fleet are other machines: they do not wait until a core of the server is free. So
 * this process goes before the others of the machine, if it may (root, or CAP_SYS_NICE). As a program:
 *
 *   load-process.js <port> <requests a second> <connections>
 */

/** As nice(1) counts: five times the weight of a process at 0. */
const PRIORITY = -7

export class LoadProcess {
  readonly #child: ChildProcess
  /** Whether it goes before the other processes. */
  readonly goesFirst: boolean

  private constructor(child: ChildProcess, goesFirst: boolean) {
    this.#child = child
    this.goesFirst = goesFirst
  }

  static async start(port: number, rate: number, connections: number): Promise<LoadProcess> {
    const child = fork(fileURLToPath(import.meta.url), [port, rate, connections].map(String), { env: cleanEnv() })
    const [goesFirst] = (await once(child, 'message')) as [boolean]
    return new LoadProcess(child, goesFirst)
  }

  async stop(): Promise<LoadResult> {
    const said = once(this.#child, 'message')
    this.#child.send('stop')
    const [result] = (await said) as [LoadResult]
    return result
  }
}

function goFirst(): boolean {
  try {
    setPriority(PRIORITY)
    return true
  } catch {
    return false
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, rate, connections] = process.argv.slice(2).map(Number)
  const load = new SteadyLoad(port, rate, connections)
  process.once('disconnect', () => process.exit())
  process.once('message', () => {
    void load.stop().then((result) => process.send?.(result, () => process.disconnect()))
  })
  process.send?.(goFirst())
  load.start()
}

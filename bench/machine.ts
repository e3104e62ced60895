import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { availableParallelism, cpus, release, tmpdir, totalmem } from 'node:os'
import { run } from './wrk.ts'

/** Where figures come from; without it they mean nothing. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memory_gib: number
  readonly kernel: string
  /** Type of the file system that holds the journal. */
  readonly file_system: string
  readonly node: string
  readonly uwebsockets: string
}

export async function describeMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? process.arch,
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 1024 ** 3),
    kernel: `${process.platform} ${release()}`,
    file_system: await fileSystemOf(tmpdir()),
    node: process.version,
    uwebsockets: uwsVersion(),
  }
}

async function fileSystemOf(directory: string): Promise<string> {
  const output = await run('df', process.platform === 'linux' ? ['-T', directory] : [directory]).catch(() => '')
  return output.split('\n')[1]?.split(/\s+/)[process.platform === 'linux' ? 1 : 0] ?? 'unknown'
}

/** Of the package whose binary loads: see ingest/listeners/uws.ts. Its exports hide its package.json, so the file is read beside it. */
function uwsVersion(): string {
  const require = createRequire(import.meta.url)
  for (const name of ['uWebSockets.js', 'uWebSockets.js-current']) {
    try {
      require(name)
      const manifest = join(dirname(require.resolve(name)), 'package.json')
      return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
    } catch {
      // The other one fits this Node.js.
    }
  }
  return 'unknown'
}

export function machineText(machine: Machine): string {
  return (
    `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, ${machine.kernel}, ${machine.file_system}\n` +
    `Node.js ${machine.node}, uWebSockets.js ${machine.uwebsockets}`
  )
}

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lockDirectory } from '../../common/directory-lock.ts'
import { packageFile } from '../../common/package-root.ts'

const run = promisify(execFile)

/** Long enough for a slow machine with a slow mirror. */
const FETCH_WAIT_MS = 5 * 60_000

let fetched: Promise<string> | null = null

/** The class path of the broker; the first test file downloads it for all. */
export function kafkaClassPath(): Promise<string> {
  return (fetched ??= fetch())
}

async function fetch(): Promise<string> {
  const cache = packageFile('.kafka')
  const lock = await lockDirectory(cache, 'fetch', FETCH_WAIT_MS)
  try {
    const { stdout } = await run(packageFile('deploy/kafka/run'), ['fetch'])
    const directory = stdout.trim()
    if (!existsSync(directory)) throw new Error(`no jars in ${directory}`)
    return join(directory, '*')
  } finally {
    await lock.release()
  }
}

/** Runs one of Kafka's own tools to its end. @returns its output */
export async function kafkaTool(mainClass: string, ...arguments_: readonly string[]): Promise<string> {
  const flags = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
  const { stdout } = await run('java', [...flags, '-cp', await kafkaClassPath(), mainClass, ...arguments_])
  return stdout
}

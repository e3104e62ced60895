import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from './clean-env.ts'
import { freePorts } from './instance.ts'
import { until } from './until.ts'

const PROGRAM = packageFile('node_modules/.cache/gatepost-servers/versitygw')

/** Why there is no S3 server, or false. */
export const withoutS3 = existsSync(PROGRAM) ? false : 'test/servers/install s3 installs the server (needs Go)'

export interface S3Server {
  /** Variables for an instance. */
  readonly env: Record<string, string>
  readonly url: string
  stop(): Promise<void>
}

export const S3_KEY = { accessKeyId: 'gatepost-tests', secretAccessKey: 'a secret of the tests' }

/** Versity's S3 gateway, which checks signatures, over `directory`. A bucket is a directory in it. */
export async function startS3(directory: string, buckets: readonly string[]): Promise<S3Server> {
  for (const bucket of buckets) mkdirSync(join(directory, bucket), { recursive: true })
  const [port] = await freePorts(1)
  const { accessKeyId, secretAccessKey } = S3_KEY
  const words = ['--quiet', '--port', `127.0.0.1:${port}`, '--access', accessKeyId, '--secret', secretAccessKey]
  const child = spawn('env', ['-u', 'NODE_OPTIONS', PROGRAM, ...words, 'posix', directory], {
    env: cleanEnv({}),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-5000)))
  const url = `http://127.0.0.1:${port}`
  const answers = async () => child.exitCode !== null || (await fetch(url)).status > 0
  if (!(await until(answers)) || child.exitCode !== null) throw new Error(`the S3 server is not up:\n${output}`)
  return {
    url,
    env: {
      GATEPOST_BACKUP_S3_ENDPOINT: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from './clean-env.ts'
import { freePorts } from './instance.ts'
import { until } from './until.ts'

const HOME = packageFile('node_modules/.cache/gatepost-servers/keycloak')
const PROGRAM = join(HOME, 'bin/kc.sh')

/** Why there is no Keycloak, or false. The file is written when it is built. */
export const withoutKeycloak = existsSync(join(HOME, 'gatepost-version'))
  ? false
  : 'test/servers/install keycloak installs it (needs Java 17 and Maven)'

export interface Keycloak {
  readonly url: string
  /** Its Admin API, which its console uses too: a path below /admin/realms. @returns the answer; null: it is empty */
  admin<T>(method: string, path: string, body?: object): Promise<T>
  /** Ends it; nothing of it stays. */
  stop(): Promise<void>
}

const ADMIN = { KC_BOOTSTRAP_ADMIN_USERNAME: 'admin', KC_BOOTSTRAP_ADMIN_PASSWORD: 'a password of the tests' }

/** Keycloak with its tables in memory, as `test/servers/install` built it. */
export async function startKeycloak(): Promise<Keycloak> {
  const [port, managementPort] = await freePorts(2)
  const words = ['start', '--optimized', '--cache=local', '--http-enabled=true', '--hostname-strict=false']
  words.push('--http-host=127.0.0.1', `--http-port=${port}`, `--http-management-port=${managementPort}`)
  // A group of its own: kc.sh starts Java as its child.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', PROGRAM, ...words], {
    env: cleanEnv({
      ...ADMIN,
      JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
      JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-5000)))
  const url = `http://127.0.0.1:${port}`
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const stop = async () => {
    if (hasEnded()) return
    const exit = once(child, 'exit')
    process.kill(-(child.pid as number), 'SIGKILL')
    await exit
  }
  const answers = async () => hasEnded() || (await fetch(`${url}/realms/master`)).ok
  if (!(await until(answers, 500)) || hasEnded()) {
    await stop()
    throw new Error(`Keycloak is not up:\n${output}`)
  }
  return {
    url,
    stop,
    async admin<T>(method: string, path: string, body?: object): Promise<T> {
      const form = { grant_type: 'password', client_id: 'admin-cli' }
      const user = { username: ADMIN.KC_BOOTSTRAP_ADMIN_USERNAME, password: ADMIN.KC_BOOTSTRAP_ADMIN_PASSWORD }
      const token = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({ ...form, ...user }),
      })
      const { access_token } = (await token.json()) as { access_token: string }
      const response = await fetch(`${url}/admin/realms${path}`, {
        method,
        headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return (text === '' ? null : JSON.parse(text)) as T
    },
  }
}

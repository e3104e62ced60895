import { spawn, type ChildProcess } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { requireCommand } from './commands.ts'
import { freePorts } from './instance.ts'
import { endAtOnce } from './stopped.ts'
import { until } from './until.ts'

const STOCK = '/etc/freeradius/3.0'

/** The secret of the stock client `localhost`. */
export const NAS_SECRET = 'testing123'

/** What it answers, by Acct-Session-Id. */
const POLICY = `
		if (&Acct-Session-Id == "gone") {
			update reply {
				&Error-Cause := Session-Context-Not-Found
			}
			reject
		}
		elsif (&Acct-Session-Id == "busy") {
			update reply {
				&Error-Cause := Resources-Unavailable
			}
			reject
		}
		elsif (&Acct-Session-Id == "plain-nak") {
			reject
		}
		elsif (&Acct-Session-Id == "silent") {
			update control {
				&Response-Packet-Type := Do-Not-Respond
			}
			handled
		}
		else {
			ok
		}
`

/** A real FreeRADIUS that takes Disconnect-Requests as a NAS does: Debian's own site `coa`. It requires a Message-Authenticator. */
export class RadiusNas {
  readonly port: number
  /** What FreeRADIUS printed. */
  log = ''
  #server: ChildProcess | null = null

  private constructor(port: number) {
    this.port = port
  }

  /** @returns null: FreeRADIUS is not installed, and the test is skipped */
  static async start(t: Test, directory: string): Promise<RadiusNas | null> {
    const freeradius = requireCommand(t, 'freeradius', 'freeradius')
    if (freeradius === null) return null
    const [port] = await freePorts(1)
    const nas = new RadiusNas(port)
    const raddb = join(directory, 'raddb')
    cpSync(STOCK, raddb, { recursive: true, verbatimSymlinks: true })
    for (const name of ['log', 'run']) mkdirSync(join(directory, name), { recursive: true, mode: 0o700 })
    for (const site of readdirSync(join(raddb, 'sites-enabled'))) rmSync(join(raddb, 'sites-enabled', site))
    rmSync(join(raddb, 'mods-enabled/eap'))
    edit(
      join(raddb, 'radiusd.conf'),
      [/^raddbdir = .*/m, `raddbdir = ${raddb}`],
      [/^logdir = .*/m, `logdir = ${join(directory, 'log')}`],
      [/^run_dir = .*/m, `run_dir = ${join(directory, 'run')}`],
      [/^\s*user = freerad$/m, ''],
      [/^\s*group = freerad$/m, ''],
    )
    edit(join(raddb, 'clients.conf'), ['require_message_authenticator = no', 'require_message_authenticator = yes'])
    cpSync(join(raddb, 'sites-available/coa'), join(raddb, 'sites-enabled/coa'))
    edit(
      join(raddb, 'sites-enabled/coa'),
      ['port = 3799', `port = ${port}`],
      ['ipaddr = *', 'ipaddr = 127.0.0.1'],
      [/(Insert your own policies here\.\n)\t\tok\n/, `$1${POLICY}`],
    )
    const server = spawn('env', ['-u', 'NODE_OPTIONS', freeradius, '-f', '-X', '-d', raddb, '-n', 'radiusd'])
    nas.#server = server
    for (const stream of [server.stdout, server.stderr])
      stream.on('data', (chunk: Buffer) => (nas.log += chunk.toString()))
    t.teardown(() => nas.kill())
    const isReady = () => nas.log.includes('Ready to process requests')
    await until(() => isReady() || server.exitCode !== null)
    if (!isReady()) throw new Error(`FreeRADIUS did not start:\n${nas.log.slice(-3000)}`)
    return nas
  }

  /** Requests that it took, each with its attributes as FreeRADIUS prints them. */
  received(): string[] {
    return [...this.log.matchAll(/Received Disconnect-Request .*\n((?:\(\d+\) {3}\S.* = .*\n)*)/g)].map(
      ([text]) => text,
    )
  }

  async kill(): Promise<void> {
    const server = this.#server
    this.#server = null
    await endAtOnce(server)
  }
}

function edit(path: string, ...changes: readonly (readonly [string | RegExp, string])[]): void {
  let text = readFileSync(path, 'utf8')
  for (const [before, after] of changes) {
    const changed = text.replace(before, after)
    if (changed === text) throw new Error(`${path} has no ${String(before)}`)
    text = changed
  }
  writeFileSync(path, text)
}

import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { requireCommand } from './commands.ts'
import { freePorts } from './instance.ts'
import { endAtOnce } from './stopped.ts'
import { NEVER_MS, until } from './until.ts'

/** Debian's configuration, with the sites default and inner-tunnel. */
const STOCK = '/etc/freeradius/3.0'
const SECRET = 'testing123'
/** The radio that eapol_test says it is at. */
const CALLED_STATION = 'C4-13-E2-22-DC-55:GovWifi'

export interface RadiusOptions {
  readonly url: string
  /** The secret of the credential radius-1. */
  readonly secret: string
  /** Lines of the file `users`. */
  readonly users: string
}

interface Programs {
  readonly freeradius: string
  readonly radclient: string
  readonly eapolTest: string
}

/** A real FreeRADIUS: Debian's stock sites, changed as deploy/freeradius/README.md says. */
export class RadiusServer {
  readonly directory: string
  readonly port: number
  readonly accountingPort: number
  readonly #programs: Programs
  #server: ChildProcess | null = null
  /** What FreeRADIUS printed since its last start. */
  log = ''

  private constructor(directory: string, port: number, accountingPort: number, programs: Programs) {
    this.directory = directory
    this.port = port
    this.accountingPort = accountingPort
    this.#programs = programs
  }

  /** @returns null: a program is not installed, and the test is skipped */
  static async create(t: Test, directory: string, options: RadiusOptions): Promise<RadiusServer | null> {
    const freeradius = requireCommand(t, 'freeradius', 'freeradius, with freeradius-rest')
    const radclient = requireCommand(t, 'radclient', 'freeradius-utils')
    const eapolTest = requireCommand(t, 'eapol_test', 'eapoltest')
    const openssl = requireCommand(t, 'openssl', 'openssl')
    if (freeradius === null || radclient === null || eapolTest === null || openssl === null) return null
    const [port, innerPort, accountingPort] = await freePorts(3)
    const server = new RadiusServer(directory, port, accountingPort, { freeradius, radclient, eapolTest })
    server.#configure(options, innerPort)
    makeCertificates(openssl, directory)
    t.teardown(() => server.kill())
    return server
  }

  file(name: string): string {
    return join(this.directory, name)
  }

  /** A file of its log directory; empty: there is none. */
  readLog(name: string): string {
    const file = this.file(`log/${name}`)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  /** The files of logins, and of accounting, that Gatepost has not stored yet. */
  waiting(): string[] {
    return ['gatepost', 'gatepost-accounting'].flatMap((name) => {
      const spool = this.file(`log/radacct/${name}`)
      return existsSync(spool) ? readdirSync(spool) : []
    })
  }

  /** Copies the files that wait. PRECONDITION: FreeRADIUS does not run. @returns the copies */
  keepWaiting(): string[] {
    return ['gatepost', 'gatepost-accounting'].flatMap((name) => {
      const spool = this.file(`log/radacct/${name}`)
      if (!existsSync(spool)) return []
      cpSync(spool, this.file(`kept/${name}`), { recursive: true })
      return readdirSync(spool).map((each) => this.file(`kept/${name}/${each}`))
    })
  }

  async start(): Promise<void> {
    this.log = ''
    const args = ['-f', '-X', '-d', this.file('raddb'), '-n', 'radiusd']
    const server = spawn('env', ['-u', 'NODE_OPTIONS', this.#programs.freeradius, ...args])
    this.#server = server
    for (const stream of [server.stdout, server.stderr])
      stream.on('data', (chunk: Buffer) => (this.log += chunk.toString()))
    const isReady = () => this.log.includes('Ready to process requests')
    await until(() => isReady() || server.exitCode !== null)
    if (!isReady()) throw new Error(`FreeRADIUS did not start:\n${this.log.slice(-3000)}`)
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const server = this.#server
    this.#server = null
    await endAtOnce(server)
  }

  /** A login without EAP. @returns Access-Accept or Access-Reject; empty: no answer */
  login(attributes: Record<string, string>, host = '127.0.0.1'): Promise<string> {
    return new Promise((resolve) => {
      const to = host.includes(':') ? `[${host}]:${this.port}` : `${host}:${this.port}`
      const client = execFile(
        this.#programs.radclient,
        ['-x', '-t', '10', '-r', '1', to, 'auth', SECRET],
        (_error, output) => resolve(/Received (Access-\w+)/.exec(output)?.[1] ?? ''),
      )
      const lines = Object.entries(attributes).map(([name, value]) => `${name} = "${value.replace(/[\\"]/g, '\\$&')}"`)
      client.stdin?.end(lines.join('\n') + '\n')
    })
  }

  /**
   * Accounting packets, one after the other, each as a NAS sends it.
   * @param packets values of text are quoted, others are numbers, addresses and names of the dictionary
   * @returns how many were answered
   */
  account(packets: readonly Record<string, string>[]): Promise<number> {
    const file = this.file(`accounting-${randomBytes(4).toString('hex')}`)
    const text = (value: string) => (/^[\w.-]+$/.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`)
    const lines = (packet: Record<string, string>) =>
      Object.entries(packet).map(([name, value]) => `${name} = ${text(value)}`)
    writeFileSync(file, packets.map((packet) => `${lines(packet).join('\n')}\n`).join('\n'))
    const to = `127.0.0.1:${this.accountingPort}`
    return new Promise((resolve) => {
      const args = ['-x', '-t', '10', '-r', '1', '-p', '1', '-f', file, to, 'acct', SECRET]
      execFile(this.#programs.radclient, args, { maxBuffer: 2 ** 26 }, (_error, output) =>
        resolve(output.match(/Received Accounting-Response/g)?.length ?? 0),
      )
    })
  }

  /** A login whose attributes, by their numbers, are any bytes: radclient sends text only. @returns the code of the answer */
  rawLogin(attributes: readonly (readonly [number, Buffer])[]): Promise<number> {
    const body = attributes.map(([type, value]) => Buffer.concat([Buffer.from([type, value.length + 2]), value]))
    const length = 20 + body.reduce((sum, { length }) => sum + length, 0)
    const head = Buffer.from([1, 1, length >> 8, length & 255])
    const socket = createSocket('udp4')
    return new Promise((resolve) => {
      socket.once('message', (answer) => {
        socket.close()
        resolve(answer[0])
      })
      socket.send(Buffer.concat([head, randomBytes(16), ...body]), this.port, '127.0.0.1')
    })
  }

  /**
   * A complete EAP login.
   * @param network lines of wpa_supplicant's network block
   * @param resumptions how often it comes back with its TLS session
   * @returns SUCCESS or FAILURE, and how many of its handshakes resumed a session
   */
  eapLogin(
    network: Record<string, string>,
    mac: string,
    resumptions = 0,
  ): Promise<{ result: string; resumed: number }> {
    const file = this.file(`eapol-${mac.replaceAll(':', '')}.conf`)
    const lines = Object.entries({ ca_cert: this.file('ca.pem'), ...network }).map(([name, value]) =>
      name === 'eap' ? `${name}=${value}` : `${name}="${value}"`,
    )
    writeFileSync(file, `network={\nkey_mgmt=WPA-EAP\n${lines.join('\n')}\n}\n`)
    const args = ['-c', file, '-a', '127.0.0.1', '-p', String(this.port), '-s', SECRET, '-M', mac]
    args.push('-N', `30:s:${CALLED_STATION}`, '-r', String(resumptions))
    return new Promise((resolve) => {
      execFile(this.#programs.eapolTest, args, { timeout: NEVER_MS, maxBuffer: 2 ** 24 }, (_error, output) =>
        resolve({
          result: output.trim().split('\n').at(-1) as string,
          resumed: output.match(/Handshake finished - resumed=1/g)?.length ?? 0,
        }),
      )
    })
  }

  /** As deploy/freeradius/install does it; only ports, directories and certificates are the test's own. */
  #configure(options: RadiusOptions, innerPort: number): void {
    const raddb = this.file('raddb')
    cpSync(STOCK, raddb, { recursive: true, verbatimSymlinks: true })
    for (const site of readdirSync(join(raddb, 'sites-enabled'))) rmSync(join(raddb, 'sites-enabled', site))
    for (const directory of ['log/tlscache', 'run']) mkdirSync(this.file(directory), { recursive: true, mode: 0o700 })
    for (const site of ['default', 'inner-tunnel'])
      cpSync(join(raddb, 'sites-available', site), join(raddb, 'sites-enabled', site))
    const install = [packageFile('deploy/freeradius/install'), raddb, options.url, 'radius-1', options.secret]
    // Twice: what is there already stays.
    for (let times = 0; times < 2; times++) execFileSync('sh', install, { stdio: 'pipe' })
    const edit = (from: string, to: string, ...changes: Change[]) => {
      let text = readFileSync(join(raddb, from), 'utf8')
      for (const [before, after] of changes) {
        const changed = text.replace(before, after)
        if (changed === text) throw new Error(`${from} has no ${before}`)
        text = changed
      }
      rmSync(join(raddb, to), { force: true })
      writeFileSync(join(raddb, to), text)
    }
    edit(
      'radiusd.conf',
      'radiusd.conf',
      [/^raddbdir = .*/m, `raddbdir = ${raddb}`],
      [/^logdir = .*/m, `logdir = ${this.file('log')}`],
      [/^run_dir = .*/m, `run_dir = ${this.file('run')}`],
      [/^\s*user = freerad$/m, ''],
      [/^\s*group = freerad$/m, ''],
      [/reject_delay = 1/, 'reject_delay = 0'],
    )
    edit(
      'sites-enabled/default',
      'sites-enabled/default',
      [/^\tport = 0/m, `\tport = ${this.port}`],
      [/^(\tipv6addr = ::.*\n)\tport = 0/m, `$1\tport = ${this.port}`],
      [/^(listen \{\n\tipaddr = \*\n[^}]*)port = 0(\s+type = acct)/m, `$1port = ${this.accountingPort}$2`],
      [/^listen \{\n\tipv6addr = ::\n[^}]*type = acct(?:[^{}]|\{[^{}]*\})*\}/m, ''],
    )
    edit('sites-enabled/inner-tunnel', 'sites-enabled/inner-tunnel', ['port = 18120', `port = ${innerPort}`])
    edit(
      'mods-available/eap',
      'mods-enabled/eap',
      [/private_key_file = .*/, `private_key_file = ${this.file('server.key')}`],
      [/^\t\tcertificate_file = .*/m, `\t\tcertificate_file = ${this.file('server.pem')}`],
      [/^\t\tca_file = .*/m, `\t\tca_file = ${this.file('ca.pem')}`],
      [/enable = no(\n\n\t*# {2}Lifetime)/, 'enable = yes$1'],
      [/#\tname = "EAP module"/, '\tname = "EAP module"'],
      [/#\tpersist_dir = /, '\tpersist_dir = '],
      [/store \{/, 'store {\n\t\t\t\tGatepost-Username\n\t\t\t\tGatepost-Method'],
    )
    writeFileSync(join(raddb, 'mods-config/files/authorize'), options.users)
  }
}

type Change = readonly [string | RegExp, string]

/** A certificate authority, and the certificates that it signed for the server and a device. */
function makeCertificates(openssl: string, directory: string): void {
  const run = (...args: string[]) => execFileSync(openssl, args, { cwd: directory, stdio: 'pipe' })
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout']
  run('req', '-x509', ...key, 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/C=GB/CN=Test CA')
  writeFileSync(join(directory, 'extensions'), 'extendedKeyUsage=serverAuth,clientAuth\n')
  for (const [name, commonName, serial] of [
    ['server', 'radius', '0x1'],
    ['client', 'device-7 "lab"', '0x4a1f'],
  ]) {
    run('req', ...key, `${name}.key`, '-out', `${name}.csr`, '-subj', `/C=GB/CN=${commonName}`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', serial, '-days', '2', '-extfile', 'extensions']
    run('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`)
  }
}

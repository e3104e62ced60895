import { randomBytes } from 'node:crypto'
import { packageFile } from '../../common/package-root.ts'
import { freePorts } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'
import type { Cluster, Service } from './cluster.ts'

/** deploy/clickhouse in containers of its own, with a port on loopback; end() removes them and their data. */
export class DockerCluster implements Cluster {
  readonly url: string
  readonly #project: string
  readonly #env: NodeJS.ProcessEnv

  private constructor(project: string, env: NodeJS.ProcessEnv, url: string) {
    this.#project = project
    this.#env = env
    this.url = url
  }

  /** Pulls the images if they are not here. The services may not be up yet if this fails: call end(). */
  static async prepare(): Promise<DockerCluster> {
    const [port] = await freePorts(1)
    const password = randomBytes(16).toString('hex')
    const env = {
      ...process.env,
      CLICKHOUSE_PASSWORD: password,
      CLICKHOUSE_CLUSTER_SECRET: randomBytes(16).toString('hex'),
      CLICKHOUSE_PORT: String(port),
    }
    const project = `gatepost-test-${randomBytes(4).toString('hex')}`
    return new DockerCluster(project, env, `http://gatepost:${password}@127.0.0.1:${port}/gatepost`)
  }

  async up(): Promise<void> {
    await this.#compose('up', '--detach', '--wait', '--quiet-pull')
  }

  async end(): Promise<void> {
    await this.#compose('down', '--volumes', '--timeout', '0')
  }

  async kill(service: Service): Promise<void> {
    await this.#compose('kill', service)
  }

  async start(service: Service): Promise<void> {
    await this.#compose('start', service)
  }

  async pause(service: Service): Promise<void> {
    await this.#compose('pause', service)
  }

  async unpause(service: Service): Promise<void> {
    await this.#compose('unpause', service)
  }

  /** As the administrator of a server. */
  async administer(service: Service, sql: string): Promise<string> {
    return this.#compose('exec', '--no-TTY', service, 'clickhouse-client', '--query', sql)
  }

  /** Without tables, on every node. */
  async empty(): Promise<void> {
    await this.administer('clickhouse-1-1', "DROP DATABASE IF EXISTS gatepost ON CLUSTER 'gatepost' SYNC")
    await this.administer('clickhouse-1-1', "CREATE DATABASE gatepost ON CLUSTER 'gatepost'")
  }

  /** Waits until the replicas of every table have what the others have. */
  async replicated(): Promise<boolean> {
    const waiting = `SELECT count() FROM clusterAllReplicas('gatepost', system.replicas) WHERE is_readonly OR queue_size > 0`
    return until(async () => (await this.administer('clickhouse-1-1', waiting).catch(() => '')).trim() === '0')
  }

  async #compose(...words: string[]): Promise<string> {
    const file = packageFile('deploy/clickhouse/compose.yaml')
    const all = ['compose', '--project-name', this.#project, '--file', file, ...words]
    const { status, stdout, stderr } = await run('docker', all, { env: this.#env })
    if (status !== 0) throw new Error(`docker ${all.join(' ')}: status ${status}: ${stderr.slice(-2000)}`)
    return stdout
  }
}

export async function withoutDocker(): Promise<string | false> {
  const { status } = await run('docker', ['compose', 'ls']).catch(() => ({ status: 1 }))
  return status === 0 ? false : 'Docker with its compose plugin is needed, and its daemon'
}

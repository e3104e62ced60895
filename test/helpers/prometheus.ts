import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { freePorts } from './instance.ts'
import { run } from './run.ts'
import { until } from './until.ts'

export const RULES = packageFile('deploy/prometheus/alerts.yml')

/** Null: Prometheus is installed; else why a test is skipped. */
export async function withoutPrometheus(): Promise<string | null> {
  const { status } = await run('promtool', ['--version'])
  return status === 0 ? null : 'promtool is not installed (Debian: prometheus)'
}

/** An alert as Prometheus has it: pending until it has lasted its time, then firing. */
interface Alert {
  readonly labels: Record<string, string>
  readonly state: 'pending' | 'firing'
}

/** A real Prometheus with the rules of deploy/, or others, which scrapes these ports each second. */
export class Prometheus {
  readonly #port: number

  private constructor(port: number) {
    this.#port = port
  }

  static async start(t: Test, directory: string, targets: readonly number[], rules = RULES): Promise<Prometheus> {
    mkdirSync(directory, { recursive: true })
    const config = join(directory, 'prometheus.yml')
    const list = targets.map((port) => `'127.0.0.1:${port}'`).join(', ')
    writeFileSync(
      config,
      `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['${rules}']
scrape_configs: [{ job_name: gatepost, static_configs: [{ targets: [${list}] }] }]
`,
    )
    const [port] = await freePorts(1)
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(directory, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    t.teardown(() => child.kill('SIGKILL'))
    const prometheus = new Prometheus(port)
    await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok)
    return prometheus
  }

  /** Waits until it has scraped a series. */
  scrapes(series: string): Promise<boolean> {
    const query = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(series)}`
    return until(async () => {
      const answer = (await (await fetch(query)).json()) as { data: { result: unknown[] } }
      return answer.data.result.length > 0
    })
  }

  /** Why an expression cannot be evaluated; null: it can. */
  async error(expression: string): Promise<string | null> {
    const query = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(expression)}`
    const answer = (await (await fetch(query)).json()) as { status: string; error?: string }
    return answer.status === 'success' ? null : (answer.error ?? answer.status)
  }

  /** Alerts that are pending or firing. */
  async alerts(): Promise<Alert[]> {
    const answer = await fetch(`http://127.0.0.1:${this.#port}/api/v1/alerts`)
    return ((await answer.json()) as { data: { alerts: Alert[] } }).data.alerts
  }

  /** Waits until an alert is pending or firing. */
  raises(name: string): Promise<boolean> {
    return until(async () => (await this.alerts()).some(({ labels }) => labels['alertname'] === name), 250)
  }
}

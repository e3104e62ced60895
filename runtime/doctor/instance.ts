import { messageOf } from '../../common/errors.ts'
import type { Config } from '../config/config.ts'
import { httpUrl, LISTENERS, probePort } from '../supervisor/ports.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

const ANSWER_MS = 5000
const LATE_SECONDS = 60
const EXPIRES_SECONDS = 7 * 86_400

/** The instance of this configuration, if one runs: its version, readiness, lag, losses, certificate; else whether its ports are free. */
export async function checkInstance(config: Config, version: string): Promise<Finding[]> {
  const url = httpUrl(config.privateBind, config.metricsPort)
  const metrics = await get(`${url}/metrics`)
  if (metrics === null || !metrics.text.includes('gatepost_process_up'))
    return [ok('instance', `none answers at ${url}`), ...(await checkPorts(config))]
  return [
    ...checkReady(await get(`${url}/readyz`)),
    ...checkVersion(metrics.text, version),
    ...checkState(metrics.text),
  ]
}

async function get(url: string): Promise<{ status: number; text: string } | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    return { status: response.status, text: await response.text() }
  } catch {
    return null
  }
}

function checkReady(answer: { status: number; text: string } | null): Finding[] {
  if (answer?.status === 200) return [ok('instance', 'runs, and is ready')]
  const found = answer === null ? 'runs, and does not answer /readyz' : `runs, and is not ready: ${answer.text.trim()}`
  return [problem('instance', found, 'its log says why; see GatepostProcessDown in docs/monitoring.md')]
}

function checkVersion(metrics: string, version: string): Finding[] {
  const running = /^gatepost_build_info\{[^}]*version="([^"]*)"/m.exec(metrics)?.[1]
  if (running === version) return [ok('version', `${version}, here and in the instance`)]
  const found = `${version} here, ${running ?? 'an earlier one'} in the instance`
  return [warning('version', found, 'restart the instance after an upgrade; docs/upgrading.md has the order')]
}

function checkState(metrics: string): Finding[] {
  const lag = Math.max(0, ...samples(metrics, 'gatepost_aggregator_lag_seconds'))
  const lost = sum(samples(metrics, 'gatepost_records_not_kept_total'))
  const hung = sum(samples(metrics, 'gatepost_process_hung_total'))
  const expires = samples(metrics, 'gatepost_tls_certificate_expires_timestamp_seconds')
  const left = Math.min(...expires) - Date.now() / 1000
  const lagFound = `the tables are ${lag.toFixed(0)} s behind the log`
  return [
    lag <= LATE_SECONDS
      ? ok('lag', lagFound)
      : problem('lag', lagFound, 'look at the store and its disk; see GatepostLag in docs/monitoring.md'),
    lost === 0
      ? ok('records', 'none was refused since the start')
      : warning('records', `${lost} were refused since the start`, 'see GatepostRecordsNotKept in docs/monitoring.md'),
    ...(hung === 0
      ? []
      : [
          warning(
            'processes',
            `${hung} hung and were replaced since the start`,
            'see GatepostProcessHung in docs/monitoring.md',
          ),
        ]),
    ...(expires.length === 0 ? [] : [checkExpiry(left)]),
  ]
}

function checkExpiry(seconds: number): Finding {
  const found = `expires in ${Math.floor(seconds / 86_400)} days`
  if (seconds > EXPIRES_SECONDS) return ok('certificate', found)
  return warning('certificate', found, 'replace the files of GATEPOST_TLS_CERT and GATEPOST_TLS_KEY')
}

/** The values of a metric's series. */
function samples(metrics: string, name: string): number[] {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => Number(line.slice(line.lastIndexOf(' '))))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

async function checkPorts(config: Config): Promise<Finding[]> {
  const found: Finding[] = []
  for (const name of Object.keys(LISTENERS) as (keyof typeof LISTENERS)[]) {
    const { bind, variable } = LISTENERS[name]
    const [host, port] = [config[bind], config[name]]
    try {
      await probePort(host, port)
    } catch (error) {
      const what = `${variable}=${port}: cannot listen on ${host}:${port}: ${messageOf(error)}`
      found.push(problem('ports', what, `end what uses it, or choose another ${variable}`))
    }
  }
  return found.length > 0 ? found : [ok('ports', 'all can be listened on')]
}

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { LOWERED } from '../helpers/alerts.ts'
import { makeCertificate } from '../helpers/certificate.ts'
import { assertTable } from '../helpers/docs-table.ts'
import { gatepost, created, kafkaVariables } from '../helpers/mixes.ts'
import { Prometheus, RULES, withoutPrometheus } from '../helpers/prometheus.ts'
import { run } from '../helpers/run.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { whenStopped } from '../helpers/stopped.ts'
import { until } from '../helpers/until.ts'

/* The alert rules of deploy/prometheus, on a real Prometheus. */

const missing = await withoutPrometheus()
const options = missing === null ? {} : { skip: missing }
const rules = readFileSync(RULES, 'utf8')

t.test('each alert fires in the state that it is for', options, async (t) => {
  const cwd = dirname(RULES)
  for (const [tool, ...arguments_] of [
    ['check', 'rules', 'alerts.yml'],
    ['check', 'config', 'gatepost.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ]) {
    const { status, stdout, stderr } = await run('promtool', [tool, ...arguments_], { cwd })
    t.equal(status, 0, stdout + stderr)
  }
  // Mounted side by side in compose.cluster.yaml.
  const mounted = t.testdir()
  cpSync(packageFile('deploy/docker/prometheus.yml'), join(mounted, 'prometheus.yml'))
  cpSync(RULES, join(mounted, 'alerts.yml'))
  const compose = await run('promtool', ['check', 'config', 'prometheus.yml'], { cwd: mounted })
  t.equal(compose.status, 0, compose.stdout + compose.stderr)
  const tested = readFileSync(join(cwd, 'alerts.test.yml'), 'utf8')
  for (const [, name] of rules.matchAll(/- alert: (\w+)/g))
    t.match(tested, new RegExp(`ALERTS\\{alertname="${name}", alertstate="firing"`), `${name} is tested`)
})

/** What brings every optional part with metrics: a portal with mail, a publisher, alerts, policies, NAS that are asked to end sessions. */
function everyPart(directory: string): Record<string, string> {
  return {
    ...HISTORY,
    GATEPOST_AUTH_MODE: 'signed',
    GATEPOST_IP_LOCATIONS_URL: join(directory, 'locations.csv'),
    GATEPOST_LOGIN: 'account,voucher',
    GATEPOST_SMTP_URL: 'smtp://127.0.0.1:9',
    GATEPOST_SMTP_FROM: 'wifi@example.org',
    GATEPOST_PUBLISH: 'stdout',
    GATEPOST_ALERT_URL: 'http://127.0.0.1:9/',
    GATEPOST_POLICIES: packageFile('deploy/policies.example.yaml'),
    GATEPOST_RADIUS_DAE: join(directory, 'dae.yaml'),
  }
}

const BEGIN =
  '<!-- table of metrics: written by GATEPOST_WRITE_DOCS=1 node dist/test/installations/prometheus.test.js -->'
/** A start counts here. */
const COUNTED_AT_START = new Set(['gatepost_kafka_group_joins_total'])

interface Metric {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: string[]
}

/** The metrics of a scrape, by name. */
function metricsIn(scraped: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>()
  const types = new Map([...scraped.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]))
  for (const [, name, help] of scraped.matchAll(/^# HELP (\w+) (.*)$/gm))
    metrics.set(name, { name, type: types.get(name) ?? '', help, samples: [] })
  for (const line of scraped.split('\n')) {
    const name = /^\w+/.exec(line)?.[0] ?? ''
    const metric = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ''))
    metric?.samples.push(line)
  }
  return metrics
}

function metricsTable(metrics: readonly Metric[]): string {
  const rows = [...metrics]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, help, samples }) => `| \`${name}\` | ${type} | ${labelsOf(samples).join(', ')} | ${help} |`)
  return ['| metric | type | labels | what |', '|---|---|---|---|', ...rows].join('\n')
}

/** Names of labels, without those that every metric and every histogram has. */
function labelsOf(samples: readonly string[]): string[] {
  const names = samples.flatMap((sample) => [...sample.matchAll(/[{,](\w+)="/g)].map(([, name]) => name))
  return [...new Set(names)].filter((name) => name !== 'process' && name !== 'le').sort()
}

const HISTORY = { GATEPOST_PSEUDONYMISE_AFTER_DAYS: '10', GATEPOST_PSEUDONYM_SECRET: 'a secret of the test' }

t.test('every metric that an alert reads is there from the start, counters at 0', async (t) => {
  const broker = await sharedBroker(t)
  const kafka = {
    ...kafkaVariables(broker.brokers),
    GATEPOST_KAFKA_TOPIC_PREFIX: broker.prefix,
    GATEPOST_KAFKA_GROUP: broker.prefix,
  }
  const { cert, key } = makeCertificate(t.testdir(), 'dashboard')
  const tls = { GATEPOST_TLS_CERT: cert, GATEPOST_TLS_KEY: key, GATEPOST_TLS_LISTENERS: 'dashboard' }
  let scraped = ''
  for (const [log, env] of Object.entries({ journal: {}, kafka })) {
    await t.test(log, async (t) => {
      const instance = await created(t, { ...everyPart(t.testdirName), ...env, ...tls })
      writeFileSync(
        join(t.testdirName, 'dae.yaml'),
        'disconnect: [{nas: lobby, address: 192.0.2.7, secret: testing123}]',
      )
      writeFileSync(join(t.testdirName, 'locations.csv'), 'ip,location_id,name\n192.0.2.1,7,Town hall\n')
      if (log === 'kafka') t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
      await instance.start()
      const scrape = async () => (await fetch(instance.url('/metrics', instance.metricsPort))).text()
      t.ok(await until(async () => (await scrape()).includes('gatepost_gateways{')), 'the fleet is counted')
      scraped += await scrape()
      t.equal(await instance.stop(), 0)
    })
  }
  const metrics = metricsIn(scraped)
  for (const name of new Set(rules.match(/\bgatepost_\w+/g))) t.ok(metrics.has(name), name)
  for (const { name, type, samples } of metrics.values()) {
    t.ok(samples.length > 0, `${name} is there from the start`)
    if (type === 'counter' && !COUNTED_AT_START.has(name))
      t.ok(
        samples.some((sample) => sample.endsWith(' 0')),
        `${name} starts at 0`,
      )
  }
  assertTable(t, 'docs/monitoring.md', BEGIN, metricsTable([...metrics.values()]))
})

t.test('each alert has a severity, and a section of the runbook', (t) => {
  const runbook = readFileSync(packageFile('docs/monitoring.md'), 'utf8')
  const sections = [...runbook.matchAll(/^### (Gatepost\w+)$/gm)].map(([, name]) => name)
  const alerts = [...rules.matchAll(/- alert: (\w+)\n((?: {8}.*\n)+)/g)].map(([, name, rule]) => ({ name, rule }))
  t.same([...sections].sort(), alerts.map(({ name }) => name).sort())
  for (const { name, rule } of alerts) {
    t.match(rule, /severity: (critical|warning) /, name)
    t.match(rule, `runbook: docs/monitoring.md#${name.toLowerCase()}\n`, name)
  }
  t.end()
})

t.test('each alert is raised on a real Prometheus by the fault that it is for', (t) => {
  const directory = packageFile('test/installations')
  const tests = readdirSync(directory).filter((name) => name.endsWith('.ts'))
  const texts = tests.map((name) => readFileSync(join(directory, name), 'utf8')).join('')
  for (const [, name = ''] of rules.matchAll(/- alert: (\w+)/g)) t.ok(texts.includes(`raises('${name}')`), name)
  for (const [rule] of LOWERED) t.ok(rules.includes(rule), rule)
  t.end()
})

t.test('a real Prometheus notices processes that hang, and an instance that is gone', options, async (t) => {
  const instance = await (await created(t, { GATEPOST_WORKERS: '1', GATEPOST_HUNG_AFTER: '12s' })).start()
  const prometheus = await Prometheus.start(t, join(instance.dataDir, '..', 'prometheus'), [instance.metricsPort])
  t.ok(await prometheus.scrapes('gatepost_process_hung_total{process="store"}'))
  t.same(await prometheus.alerts(), [])
  const [store] = instance.children('store-main')
  process.kill(store, 'SIGSTOP')
  await whenStopped(store)
  t.ok(await prometheus.raises('GatepostProcessDown'), 'while it hangs')
  t.ok(await prometheus.raises('GatepostProcessHung'), 'once it was replaced')
  t.ok(
    await until(async () =>
      (await prometheus.alerts()).every(({ labels }) => labels['alertname'] !== 'GatepostProcessDown'),
    ),
    'the next one is up',
  )
  process.kill(instance.pid, 'SIGSTOP')
  await whenStopped(instance.pid)
  t.ok(await prometheus.raises('GatepostNotScraped'), 'a supervisor that hangs')
  process.kill(instance.pid, 'SIGCONT')
})

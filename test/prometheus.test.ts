import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { makeCertificate } from './helpers/certificate.ts'
import { gatepost, created, kafkaVariables } from './helpers/mixes.ts'
import { Prometheus, RULES, withoutPrometheus } from './helpers/prometheus.ts'
import { run } from './helpers/run.ts'
import { sharedBroker } from './helpers/shared-broker.ts'
import { whenStopped } from './helpers/stopped.ts'
import { until } from './helpers/until.ts'

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
  const tested = readFileSync(join(cwd, 'alerts.test.yml'), 'utf8')
  for (const [, name] of rules.matchAll(/- alert: (\w+)/g))
    t.match(tested, new RegExp(`ALERTS\\{alertname="${name}", alertstate="firing"`), `${name} is tested`)
})

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
      const locations = join(t.testdirName, 'locations.csv')
      const instance = await created(t, { ...HISTORY, ...env, ...tls, GATEPOST_IP_LOCATIONS_URL: locations })
      writeFileSync(locations, 'ip,location_id,name\n192.0.2.1,7,Town hall\n')
      if (log === 'kafka') t.equal((await gatepost(instance, 'topics', 'create')).status, 0)
      await instance.start()
      scraped += await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
      t.equal(await instance.stop(), 0)
    })
  }
  for (const name of new Set(rules.match(/\bgatepost_\w+/g))) {
    const samples = scraped.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    t.ok(samples.length > 0, name)
    if (name.endsWith('_total'))
      t.ok(
        samples.some((line) => line.endsWith(' 0')),
        `${name} starts at 0`,
      )
  }
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

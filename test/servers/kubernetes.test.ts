import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { packageFile, packageVersion } from '../../common/package-root.ts'
import { VARIABLES } from '../../runtime/config/variables.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { run } from '../helpers/run.ts'

/* deploy/helm: rendered by Helm, compared with the schemas of Kubernetes, and run as far as that goes without a cluster. */

const CACHE = packageFile('node_modules/.cache/gatepost-servers')
const HELM = join(CACHE, 'helm')
const VALIDATE = join(CACHE, 'kubernetes/bin/kubernetes-validate')
const CHART = packageFile('deploy/helm/gatepost')
/** The oldest that the chart takes, and a late one. */
const KUBERNETES = ['1.27', '1.36']
const skip =
  existsSync(HELM) && existsSync(VALIDATE) ? false : 'test/servers/install kubernetes installs Helm and the schemas'

const SECRETS = {
  GATEPOST_CLICKHOUSE_URL: 'http://gatepost:password@clickhouse:8123/gatepost',
  GATEPOST_SECRET: 'c2VjcmV0IG9mIHRoZSB0ZXN0cywgbG9uZyBlbm91Z2g=',
  GATEPOST_INGEST_CREDENTIALS: 'radius-1:a-secret-of-the-tests',
  GATEPOST_DASHBOARD_PASSWORD: 'a-password-of-the-tests',
  GATEPOST_SQL_PASSWORD: 'a-password-of-the-tests',
}

interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly securityContext: object
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly livenessProbe?: object
  readonly readinessProbe?: object
  readonly startupProbe?: object
}

interface Resource {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Record<string, string>
  readonly stringData?: Record<string, string>
  readonly spec?: {
    readonly template?: {
      readonly metadata: { readonly labels: Record<string, string> }
      readonly spec: {
        readonly containers: readonly Container[]
        readonly securityContext: object
        readonly terminationGracePeriodSeconds: number
      }
    }
    readonly podSelector?: { readonly matchLabels: Record<string, string> }
  }
}

/** @param set values of the chart */
function template(set: Record<string, string>, version = KUBERNETES[0]) {
  const values = Object.entries(set).flatMap(([name, value]) => ['--set-string', `${name}=${value}`])
  return run(HELM, ['template', 'site', CHART, '--kube-version', `${version}.0`, ...values])
}

const secrets = (names: readonly (keyof typeof SECRETS)[]) =>
  Object.fromEntries(names.map((name) => [`secrets.${name}`, SECRETS[name]]))

const VARIANTS: Record<string, Record<string, string>> = {
  cluster: secrets(['GATEPOST_CLICKHOUSE_URL', 'GATEPOST_SECRET', 'GATEPOST_INGEST_CREDENTIALS', 'GATEPOST_DASHBOARD_PASSWORD']), // prettier-ignore
  'cluster, scaled, with a Secret of its own': {
    existingSecret: 'of-the-site',
    'aggregator.autoscaling.enabled': 'true',
    'ingest.service.type': 'LoadBalancer',
    'ingest.storage.className': 'fast',
  },
  single: {
    mode: 'single',
    'image.repository': 'gatepost',
    ...secrets(['GATEPOST_SQL_PASSWORD', 'GATEPOST_INGEST_CREDENTIALS', 'GATEPOST_DASHBOARD_PASSWORD']),
  },
}

async function rendered(t: Test, set: Record<string, string>, version?: string): Promise<Resource[]> {
  const { status, stdout, stderr } = await template(set, version)
  if (status !== 0) throw new Error(stderr)
  const file = join(t.testdir(), 'rendered.yaml')
  writeFileSync(file, stdout)
  const validated = await run(VALIDATE, ['--kubernetes-version', version ?? KUBERNETES[0], '--strict', '--quiet', file])
  t.equal(validated.status, 0, validated.stdout + validated.stderr)
  return parseAllDocuments(stdout).map((document) => document.toJS() as Resource).filter((resource) => resource !== null) // prettier-ignore
}

const pods = (resources: readonly Resource[]) =>
  resources.flatMap(({ kind, spec }) => (spec?.template === undefined ? [] : [{ kind, template: spec.template }]))

for (const [name, set] of Object.entries(VARIANTS)) {
  t.test(`${name}: what Kubernetes takes, and what each process needs`, { skip }, async (t) => {
    for (const version of KUBERNETES) await rendered(t, set, version)
    const resources = await rendered(t, set)
    const policies = resources.filter(({ kind }) => kind === 'NetworkPolicy')
    const component = (labels: Record<string, string>) => labels['app.kubernetes.io/component']
    const restricted = new Set(policies.map(({ spec }) => component(spec?.podSelector?.matchLabels ?? {})))
    const found = pods(resources)
    t.ok(found.length > 0)
    for (const { kind, template } of found) {
      const part = component(template.metadata.labels)
      t.ok(restricted.has(part), `${part} has a network policy`)
      t.match(template.spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      t.ok(
        template.spec.terminationGracePeriodSeconds * 1000 > Number.parseInt(VARIABLES.drainTimeoutMs.default) * 1000,
      )
      for (const container of template.spec.containers) {
        t.ok(container.image.endsWith(`:${packageVersion()}`), container.image)
        t.match(container.securityContext, {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        })
        const { status } = await run(process.execPath, [packageFile('bin/gatepost'), ...container.args, '--help'])
        t.equal(status, 0, `gatepost ${container.args.join(' ')}`)
        if (kind === 'Job') continue
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const)
          t.match(container[probe], { httpGet: { port: 'metrics' } }, `${part}: ${probe}`)
        const ports = Object.fromEntries((container.ports ?? []).map((port) => [port.name, port.containerPort]))
        const defaults = { gateways: 'gatewayPort', bulk: 'ingestPort', dashboard: 'dashboardPort', sql: 'sqlPort', metrics: 'metricsPort' } as const // prettier-ignore
        for (const [port, number] of Object.entries(ports))
          t.equal(String(number), VARIABLES[defaults[port as keyof typeof defaults]].default, port)
      }
    }
    const journals = found.filter(({ template }) => ['ingest', 'serve'].includes(component(template.metadata.labels)))
    t.ok(
      journals.every(({ kind }) => kind === 'StatefulSet'),
      'what keeps records on its disk keeps its disk',
    )
  })
}

t.test('the variables are known, and a process takes them', { skip }, async (t) => {
  const known = new Set<string>(Object.values(VARIABLES).map(({ env }) => env))
  for (const name of ['cluster', 'single']) {
    const resources = await rendered(t, VARIANTS[name])
    const variables = Object.assign({}, ...resources.map(({ data, stringData }) => data ?? stringData ?? {})) as Record<string, string> // prettier-ignore
    t.ok(Object.keys(variables).length > 4)
    for (const variable of Object.keys(variables)) t.ok(known.has(variable), variable)
    const env = cleanEnv({ ...variables, GATEPOST_DATA_DIR: t.testdir() })
    const { status, stderr } = await run(process.execPath, [packageFile('bin/gatepost'), 'config'], { env })
    t.equal(status, 0, stderr)
  }
})

t.test('what is missing is said', { skip }, async (t) => {
  t.match(await template({}), { status: 1, stderr: /secrets\.GATEPOST_CLICKHOUSE_URL, or existingSecret/ })
  t.match(await template({ mode: 'single' }), { status: 1, stderr: /secrets\.GATEPOST_SQL_PASSWORD/ })
})

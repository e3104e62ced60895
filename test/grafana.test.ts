import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { packageFile } from '../common/package-root.ts'
import { created } from './helpers/mixes.ts'
import { Prometheus, withoutPrometheus } from './helpers/prometheus.ts'
import { requestEveryRoute } from './helpers/routes.ts'

/* The dashboards of deploy/grafana: every expression is run where Grafana would run it. */

interface Target {
  readonly datasource: { readonly type: string; readonly uid: string }
  readonly expr?: string
  readonly rawSql?: string
}

interface Panel {
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets: readonly Target[]
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] }
  readonly panels: readonly Panel[]
}

const folder = packageFile('deploy/grafana')
const dashboards = readdirSync(join(folder, 'dashboards')).map(
  (name) => JSON.parse(readFileSync(join(folder, 'dashboards', name), 'utf8')) as Dashboard,
)
const targets = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap((panel) => panel.targets.map((target) => ({ ...target, name: `${title}, ${panel.title}` }))),
)
const missing = await withoutPrometheus()

t.test('dashboards are whole: data sources can be chosen, and no panel lies on another', (t) => {
  t.equal(new Set(dashboards.map(({ uid }) => uid)).size, 4)
  for (const { title, templating, panels } of dashboards) {
    const sources = new Map(templating.list.map(({ name, query }) => [`\${${name}}`, query]))
    for (const { title: panel, targets } of panels)
      for (const { datasource } of targets) t.equal(sources.get(datasource.uid), datasource.type, `${title}, ${panel}`)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    )
    t.equal(new Set(cells).size, cells.length, title)
    t.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
  }
  t.end()
})

t.test('provisioning names the data sources that the dashboards choose from', (t) => {
  const read = (name: string) => parse(readFileSync(join(folder, 'provisioning', name), 'utf8')) as unknown
  const { datasources } = read('datasources/gatepost.yml') as { datasources: { type: string }[] }
  const wanted = new Set(dashboards.flatMap(({ templating }) => templating.list.map(({ query }) => query)))
  t.same(new Set(datasources.map(({ type }) => type)), wanted)
  t.match(read('dashboards/gatepost.yml'), { apiVersion: 1, providers: [{ type: 'file' }] })
  t.end()
})

/** Macros, as the documentation of the ClickHouse data source describes them, for the last six hours. */
function withMacros(sql: string): string {
  const to = Date.now()
  const from = to - 6 * 3_600_000
  const seconds = (ms: number) => Math.floor(ms / 1000)
  return sql
    .replaceAll(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)')
    .replaceAll(
      /\$__timeFilter_ms\((\w+)\)/g,
      `$1 >= fromUnixTimestamp64Milli(${from}) AND $1 <= fromUnixTimestamp64Milli(${to})`,
    )
    .replaceAll(/\$__timeFilter\((\w+)\)/g, `$1 >= toDateTime(${seconds(from)}) AND $1 <= toDateTime(${seconds(to)})`)
}

t.test('every expression is answered', missing === null ? {} : { skip: missing }, async (t) => {
  const instance = await (await created(t)).start()
  t.same(await requestEveryRoute(instance, 'grafana'), [])
  await instance.queryUntil<{ n: number }>('SELECT toUInt32(count()) AS n FROM gateway_pings', ([{ n }]) => n > 0)
  const prometheus = await Prometheus.start(t, join(instance.dataDir, '..', 'prometheus'), [instance.metricsPort])
  t.ok(await prometheus.scrapes('gatepost_gateways{state="up"}'))
  const documented = readFileSync(packageFile('docs/monitoring.md'), 'utf8')
  for (const { name, expr, rawSql } of targets) {
    if (expr !== undefined) {
      t.equal(await prometheus.error(expr.replaceAll('$__rate_interval', '1m')), null, `${name}: ${expr}`)
      for (const metric of expr.match(/\bgatepost_\w+/g) ?? [])
        t.match(documented, `| \`${metric.replace(/_bucket$/, '')}\` |`, `${name}: ${metric} is a metric`)
    }
    if (rawSql !== undefined) {
      const response = await fetch(instance.url('/', instance.sqlPort), { method: 'POST', body: withMacros(rawSql) })
      t.equal(response.status, 200, `${name}: ${await response.text()}`)
    }
  }
})

import { Ajv } from 'ajv'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { packageFile, packageVersion } from '../common/package-root.ts'
import { VARIABLES } from '../runtime/config/variables.ts'

/* Compose files of deploy/: what the Compose specification allows, what Gatepost knows, and files that are there. */

const FILES = ['deploy/docker/compose.yaml', 'deploy/docker/compose.cluster.yaml', 'deploy/clickhouse/compose.yaml']
/** compose-spec.json of the Compose specification, as of June 2026. */
const SCHEMA = 'test/fixtures/compose-spec/compose-spec.json'
const KNOWN = new Set<string>(Object.values(VARIABLES).map(({ env }) => env))

interface Service {
  readonly image: string
  readonly environment?: Record<string, string>
  readonly volumes?: readonly string[]
  readonly read_only?: boolean
  readonly ports?: readonly string[]
}

const read = (path: string): string => readFileSync(packageFile(path), 'utf8')
const schema = JSON.parse(read(SCHEMA)) as object
// The schema names formats (duration, ports) that only its authors' program knows.
const allowed = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false }).compile(schema)

for (const file of FILES) {
  const document = parse(read(file), { merge: true }) as { services: Record<string, Service> }
  const services = Object.entries(document.services)

  t.test(`${file}: the specification allows it`, (t) => {
    t.ok(allowed(document), JSON.stringify(allowed.errors))
    t.notOk(allowed({ services: { a: { image: 'a', port: [] } } }), 'the schema refuses what it does not know')
    t.end()
  })

  t.test(`${file}: images are pinned, and what is mounted is there`, (t) => {
    for (const [name, { image, volumes = [] }] of services) {
      t.match(image, /:v?\d+\.\d/, `${name} is pinned`)
      const mounted = volumes.map((volume) => volume.split(':')[0]).filter((source) => source.startsWith('.'))
      for (const source of mounted) t.ok(existsSync(packageFile(join(dirname(file), source))), `${name}: ${source}`)
    }
    t.end()
  })

  t.test(`${file}: options of Gatepost that there are, and a directory of its own for each process`, (t) => {
    const data: string[] = []
    for (const [name, { image, environment = {}, volumes = [], read_only }] of services) {
      if (!image.startsWith('gatepost')) continue
      t.ok(image.endsWith(`:${packageVersion()}`), `${name} is of this version`)
      t.equal(read_only, true, name)
      for (const variable of Object.keys(environment).filter((key) => key.startsWith('GATEPOST_')))
        t.ok(KNOWN.has(variable), variable)
      data.push(...volumes.filter((volume) => volume.endsWith(':/data')))
    }
    t.same([...new Set(data)], data, 'no directory is shared')
    t.end()
  })
}

t.test("Grafana's data sources are those of deploy/grafana, at other addresses", (t) => {
  interface Source {
    readonly uid: string
    readonly type: string
    readonly name: string
  }
  const sources = (path: string) =>
    (parse(read(path)) as { datasources: Source[] }).datasources.map(({ uid, type, name }) => ({ uid, type, name }))
  t.same(
    sources('deploy/docker/grafana-datasources.yml'),
    sources('deploy/grafana/provisioning/datasources/gatepost.yml'),
  )
  t.end()
})

t.test("Grafana's user reads the tables of Gatepost, and nothing else", async (t) => {
  const directory = t.testdir({ 'users.d': {} })
  const users = join(directory, 'users.xml')
  writeFileSync(join(directory, 'config.xml'), `<clickhouse><users_config>${users}</users_config></clickhouse>`)
  const everything = '<no_password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota><access_management>1</access_management>' // prettier-ignore
  writeFileSync(
    users,
    `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default>${everything}</default></users></clickhouse>`,
  )
  cpSync(packageFile('deploy/docker/clickhouse-grafana.xml'), join(directory, 'users.d/grafana.xml'))
  process.env['GRAFANA_CLICKHOUSE_PASSWORD'] = 'password'
  const { Session } = await import('chdb')
  const session = new Session(join(directory, 'engine'), {
    connectionArgs: [`--config-file=${join(directory, 'config.xml')}`],
  })
  t.teardown(() => session.close())
  const answer = async (sql: string) => (await session.queryAsync(sql, { format: 'TSV' })).text().trim()
  t.equal(await answer('SHOW GRANTS FOR grafana'), 'GRANT SELECT ON gatepost.* TO grafana')
  t.match(await answer('SHOW CREATE SETTINGS PROFILE grafana'), /readonly = 2/)
})

t.test('the cluster of ClickHouse listens on loopback only', (t) => {
  const { services } = parse(read('deploy/clickhouse/compose.yaml'), { merge: true }) as {
    services: Record<string, Service>
  }
  const ports = Object.values(services).flatMap(({ ports = [] }) => ports)
  t.equal(ports.length, 1)
  t.ok(ports.every((port) => port.startsWith('127.0.0.1:')))
  t.end()
})

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { UWS_PACKAGES } from '../../ingest/listeners/uws.ts'
import { packageFile } from '../../common/package-root.ts'
import { METRICS } from '../../reporter/metrics/definitions.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { run } from '../helpers/run.ts'

interface Manifest {
  version: string
  dependencies: Record<string, string>
}

const manifest = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as Manifest

const directory = mkdtempSync(join(tmpdir(), 'gatepost-test-'))
const root = join(directory, 'package')
t.before(() => unpack())
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

/**
 * The files of `npm pack`, unpacked in a place without other node_modules, with the packages that they depend on and no others.
 * Not `npm install`, which needs a registry.
 */
async function unpack(): Promise<void> {
  const options = { cwd: packageFile('.') }
  const packed = await run(
    'npm',
    ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', directory],
    options,
  )
  if (packed.status !== 0) t.fail(packed.stderr)
  t.same(readdirSync(directory), [`gatepost-${manifest.version}.tgz`])
  const tar = await run('tar', ['-xzf', `gatepost-${manifest.version}.tgz`], { cwd: directory })
  if (tar.status !== 0) t.fail(tar.stderr)

  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(root, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(packageFile(join('node_modules', name)), link)
  }
  symlinkSync(join(root, 'bin/gatepost'), join(directory, 'gatepost'))
}

/** The program as an installation links it, run from another directory. */
const gatepost = (arguments_: string[], env: Record<string, string> = {}) =>
  run(process.execPath, [join(directory, 'gatepost'), ...arguments_], { cwd: directory, env: cleanEnv(env) })

/** Paths of the files below a directory, relative to it; symbolic links are not followed. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesBelow(join(directory, entry.name)).map((path) => join(entry.name, path))
        : entry.isFile()
          ? [entry.name]
          : [],
    )
    .sort()
}

t.test('the package holds what it needs and no more', (t) => {
  const files = filesBelow(root)
  for (const folder of ['schemas/avro', 'schemas/clickhouse', 'deploy', 'docs']) {
    const shipped = files.filter((path) => path.startsWith(`${folder}/`))
    t.same(
      shipped,
      filesBelow(packageFile(folder))
        .map((path) => join(folder, path))
        // Screenshots are larger than the program.
        .filter((path) => !path.startsWith('docs/screenshots/')),
    )
    t.not(shipped.length, 0)
  }
  t.same(
    files.filter((path) => path.startsWith('reporter/')),
    [
      ...METRICS.map(({ name }) => `reporter/metrics/${name}.sql`),
      ...filesBelow(packageFile('reporter/metrics/fragments')).map((path) => join('reporter/metrics/fragments', path)),
      ...filesBelow(packageFile('reporter/dashboard/web')).map((path) => join('reporter/dashboard/web', path)),
    ].sort(),
  )
  t.same(
    files.filter((path) => path.startsWith('jobs/')),
    filesBelow(packageFile('jobs/sessions/sql')).map((path) => join('jobs/sessions/sql', path)),
  )
  t.same(
    files.filter((path) => !path.includes('/')),
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json'],
  )
  t.same(
    files.filter((path) => /(^|\/)(test|bench)\/|\.ts$|(^|\/)\./.test(path)),
    [],
  )
  const code = files.filter((path) => path.startsWith('dist/'))
  t.ok(code.includes('dist/cli/main.js'))
  t.same(
    code.filter((path) => !/\.js(\.map)?$/.test(path)),
    [],
  )
  for (const path of code.filter((path) => path.endsWith('.map'))) {
    // From a deleted source: left by an earlier build. The real `npm pack` builds again.
    if (!existsSync(packageFile(path.replace(/^dist\//, '').replace(/\.js\.map$/, '.ts')))) continue
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, unknown[]>
    if (sources.length !== sourcesContent?.length) t.fail(`${path} points to sources that are not there`)
  }
  t.end()
})

t.test('the package runs from another directory', async (t) => {
  t.same(await gatepost(['--version']), { status: 0, stdout: `${manifest.version}\n`, stderr: '' })
  const config = await gatepost(['config', '--json'])
  t.match(config, { status: 0, stderr: '' })
  t.match(JSON.parse(config.stdout), [{ variable: 'GATEPOST_DATA_DIR', value: './data' }])
  const locations = join(directory, 'locations.json')
  writeFileSync(locations, '[{"ip":"192.0.2.1","location_id":7}]')
  t.match(await gatepost(['locations', 'import', locations]), { status: 0, stderr: /created/ })
  const metrics = await gatepost(['metrics', 'account-usage', '--json'])
  t.match(metrics, { status: 0, stderr: '' })
  t.doesNotThrow(() => JSON.parse(metrics.stdout) as unknown)
})

t.test('without a fitting binary of uWebSockets.js, serve says what is supported and creates nothing', async (t) => {
  for (const name of UWS_PACKAGES) rmSync(join(root, 'node_modules', name))
  const { status, stdout, stderr } = await gatepost(['serve'], { GATEPOST_DATA_DIR: join(directory, 'none') })
  t.equal(status, 2)
  t.equal(stdout, '')
  t.match(stderr, /^gatepost:\n {2}uWebSockets\.js has no binary that loads on Node\.js v\d+/)
  t.match(stderr, /Supported: Node\.js 20 and 22 .*24 and 26/)
  for (const name of UWS_PACKAGES) t.match(stderr, `\n  ${name}: Cannot find module '${name}'`)
  t.notMatch(stderr, /^\s+at /m)
  t.notOk(readdirSync(directory).includes('none'))
})

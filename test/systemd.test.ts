import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'
import { VARIABLES } from '../runtime/config/variables.ts'
import { run } from './helpers/run.ts'

/* The units of deploy/systemd, as systemd itself judges them. Nothing is started: PID 1 of a test machine need not be systemd. */

const directory = packageFile('deploy/systemd')
const units = readdirSync(directory).filter((name) => name.endsWith('.service'))
const { status } = await run('systemd-analyze', ['--version'])
const options = status === 0 ? {} : { skip: 'systemd-analyze is not installed' }

/** Most exposure that a unit may have, as `systemd-analyze security` counts it, in tenths. */
const MOST_EXPOSURE = '25'

t.test('systemd understands the units, and they are hardened', options, async (t) => {
  for (const unit of units) {
    const path = join(directory, unit)
    const verified = await run('systemd-analyze', ['verify', '--man=no', path])
    t.equal(verified.status, 0, verified.stderr)
    t.notMatch(verified.stderr, new RegExp(`${unit}:`), 'systemd warns of nothing in it')
    const security = await run('systemd-analyze', ['security', '--offline=true', `--threshold=${MOST_EXPOSURE}`, path])
    t.equal(security.status, 0, security.stdout)
  }
})

t.test('every unit runs a command of its own, and takes the same rights away', (t) => {
  const texts = units.map((unit) => readFileSync(join(directory, unit), 'utf8'))
  const commands = texts.map((text) => /^ExecStart=\/usr\/bin\/env gatepost (\w+)$/m.exec(text)?.[1])
  t.same(commands.sort(), ['aggregator', 'ingest', 'reporter', 'serve'])
  const hardening = texts.map((text) => text.slice(text.indexOf('# What this process never needs')))
  t.equal(new Set(hardening).size, 1)
  for (const text of texts) t.match(text, /^LimitCORE=0$/m)
  t.end()
})

t.test('gatepost.env has variables that there are, and every unit reads it', (t) => {
  const known = new Set<string>(Object.values(VARIABLES).map(({ env }) => env))
  const lines = readFileSync(join(directory, 'gatepost.env'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  t.ok(lines.length > 3)
  for (const line of lines) t.ok(known.has(line.split('=')[0]), line)
  for (const unit of units)
    t.match(readFileSync(join(directory, unit), 'utf8'), /^EnvironmentFile=.*gatepost\.env$/m, unit)
  t.end()
})

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startHarness } from '../../sql-endpoint/test/harness.ts'
import { until } from '../helpers/until.ts'

/*
 * Analysts' programs in Python: clickhouse-connect, which Superset, dbt and Airflow use, with pandas and Arrow, and SQLAlchemy's two
 * dialects. GATEPOST_TEST_PYTHON is a Python with test/clients/requirements.txt; without it, python3. Where that lacks them, the test is
 * skipped, and in CI it fails. The versions are pinned: .ci/run installs them from the registry that pip is configured for.
 */
const PYTHON = process.env['GATEPOST_TEST_PYTHON'] ?? 'python3'
const MODULES = 'clickhouse_connect, clickhouse_sqlalchemy, lz4, pandas, pyarrow, sqlalchemy'
const SCRIPT = fileURLToPath(new URL('../../../test/clients/python_clients.py', import.meta.url))
const ADMIN_PASSWORD = 'admin-password'

const { status, stderr } = spawnSync(PYTHON, ['-c', `import ${MODULES}`], { encoding: 'utf8' })
const missing = status === 0 ? null : `${PYTHON} has not all of ${MODULES}: ${(stderr ?? '').trim().split('\n').at(-1)}`

t.test('clients in Python', { skip: !process.env['CI'] && missing !== null && missing }, async (t) => {
  t.equal(missing, null, 'everything is installed')
  if (missing !== null) return
  // Longer than the test takes: one query is only ended by KILL.
  const harness = await startHarness({ adminPassword: ADMIN_PASSWORD, limits: { maxExecutionSeconds: 3600 } })
  t.teardown(() => harness.close())
  const child = spawn(PYTHON, ['-u', SCRIPT, String(harness.endpoint.port), ADMIN_PASSWORD], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + String(chunk)).slice(-4000)))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  for await (const line of createInterface({ input: child.stdout })) t.match(line, /^ok - /, line)
  t.equal(await ended, 0, 'the program reached its end', { errors })
  t.ok(await until(() => harness.endpoint.stats().active === 0))
})

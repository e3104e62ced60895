import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { compare, Load } from '../helpers/load.ts'
import { gatepost, kafkaVariables } from '../helpers/mixes.ts'
import { random } from '../helpers/random.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { until } from '../helpers/until.ts'

/* `gatepost migrate` takes an instance of one machine to Kafka and a server, and is killed meanwhile. */

const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)
const KILLS = 4
const TAKES_MS = 4000
const HOUR_MS = 3_600_000

t.test('nothing is lost and nothing is there twice, although it is killed again and again', async (t) => {
  t.comment(`seed ${SEED}`)
  const next = random(SEED)
  const directory = t.testdir({ data: {}, server: {} })
  const embedded = await Instance.create(join(directory, 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_SQL_ADMIN_PASSWORD: 'admin-of-this',
  })
  t.teardown(() => embedded.destroy())
  await embedded.start()
  t.equal((await gatepost(embedded, 'access', 'deny', 'mac', '50:a6:7f:84:9c:d1')).status, 0)
  // Hours that are over: with them, most is copied before the pause.
  await admin(
    embedded,
    `INSERT INTO post_auth (received_at, username, task_id, success) SELECT now() - toIntervalMillisecond(${3 * HOUR_MS} + id * 60000), 'early', 'early', 1 FROM (SELECT arrayJoin(range(500)) AS id)`,
  )
  const load = new Load([embedded], { maxRequests: 200_000, pauseMs: 5 })
  load.start(2)
  await until(() => load.total > 300)

  const server = await StoreServer.start(join(directory, 'server'))
  t.teardown(() => server.stop())
  const broker = await sharedBroker(t)
  const moved = await Instance.create(join(directory, 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    ...kafkaVariables(broker.brokers),
    GATEPOST_KAFKA_TOPIC_PREFIX: broker.prefix,
    GATEPOST_KAFKA_GROUP: broker.prefix,
    GATEPOST_CLICKHOUSE_URL: server.url(),
    GATEPOST_SECRET: 'another secret than before',
  })
  t.match(await gatepost(moved, 'migrate'), { status: 2, stderr: /GATEPOST_SECRET must be what/ })
  const env = { ...moved.env, GATEPOST_SECRET: readFileSync(join(directory, 'data', 'secret'), 'utf8') }
  const target = await Instance.create(join(directory, 'data'), env)
  t.teardown(() => target.destroy())
  t.equal((await gatepost(target, 'topics', 'create')).status, 0)

  const first = await gatepost(target, 'migrate', '--json')
  t.equal(first.status, 0, first.stderr)
  t.match(JSON.parse(first.stdout), { finished: false, rows: 500 })
  t.match(
    JSON.parse((await gatepost(target, 'migrate', '--json')).stdout),
    { finished: false, rows: 0 },
    'nothing is copied again',
  )
  await load.stop()
  t.equal(await embedded.stop(), 0)

  let killed = 0
  for (let round = 0; round < KILLS; round++) {
    const command = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, target.program, 'migrate'], {
      env: target.env,
      stdio: 'ignore',
    })
    const kill = sleep(next() * TAKES_MS).then(async () => {
      if (next() < 0.6) command.kill('SIGKILL')
      else {
        await server.stop('SIGKILL')
        await server.restart()
      }
    })
    const [[status]] = await Promise.all([once(command, 'exit') as Promise<[number | null]>, kill])
    if (status === 0) break
    killed++
  }
  t.comment({ killed })
  if (killed === KILLS) {
    const last = await gatepost(target, 'migrate', '--json')
    t.equal(last.status, 0, last.stderr)
    t.match(JSON.parse(last.stdout), { finished: true })
  }
  t.match(await gatepost(target, 'migrate'), { status: 2, stderr: /was moved to/ }, 'it is done once')
  t.match(
    await embedded.refused(),
    { status: 2, output: /its tables were moved to/ },
    'nobody goes on with the old tables',
  )

  const query = <T>(sql: string) => server.query<T>(sql.replace(/FROM (?=\w+ WHERE)/, 'FROM gatepost.'))
  await target.start()
  const more = new Load([target], { maxRequests: 100, pauseMs: 1, first: 1_000_000 })
  more.start(1)
  await until(() => more.total >= 90)
  await more.stop()
  t.match(await gatepost(target, 'access', 'list'), { status: 0, stdout: /50-A6-7F-84-9C-D1/ })
  t.ok(await until(async () => (await compare(query, more)).lost === 0), 'the instance goes on there')
  t.match(await compare(query, load), { lost: 0, duplicates: 0 })
  t.match(await compare(query, more), { lost: 0, duplicates: 0 })
  const [{ n }] = await server.query<{ n: string }>(
    `SELECT count() AS n FROM gatepost.post_auth WHERE task_id = 'early'`,
  )
  t.equal(Number(n), 500)
  t.equal(await target.stop(), 0)
})

async function admin(instance: Instance, sql: string): Promise<void> {
  const headers = { 'X-ClickHouse-User': 'admin', 'X-ClickHouse-Key': 'admin-of-this' }
  const response = await fetch(instance.url('/', instance.sqlPort), { method: 'POST', headers, body: sql })
  if (!response.ok) throw new Error(await response.text())
}

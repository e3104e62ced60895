import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { compare, Load } from '../helpers/load.ts'
import { random } from '../helpers/random.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'

/*
 * Processes are killed while a backup is made, while it is restored, and when the restored directory is used for the first time: whatever was
 * acknowledged before a backup that completed is in the tables once. GATEPOST_TEST_SEED repeats an order.
 */

const ROUNDS = Number(process.env['GATEPOST_TEST_KILL_ROUNDS'] ?? 8)
const SEED = Number(process.env['GATEPOST_TEST_SEED'] ?? Date.now() % 1_000_000)
/** A backup, or a restore, with the start of its command. */
const TAKES_MS = 1500

function begin(instance: Instance, ...arguments_: string[]): ChildProcess {
  const words = ['-u', 'NODE_OPTIONS', process.execPath, instance.program, ...arguments_, '--json']
  return spawn('env', words, { env: instance.env, stdio: ['ignore', 'pipe', 'inherit'] })
}

t.test(`SIGKILL during backups and restores, ${ROUNDS} rounds each`, async (t) => {
  t.comment(`seed ${SEED}`)
  t.testdir({})
  const next = random(SEED)
  const to = join(t.testdirName, 'backups')
  const instance = await Instance.create(join(t.testdirName, 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_ARCHIVE_MAX_BYTES: '64 MiB',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const load = new Load([instance], { maxRequests: 200_000, pauseMs: 5 })
  load.start(3)
  await until(() => load.total > 200)

  /** Ids that were acknowledged before the last backup that completed. */
  let covered: Load['acknowledged'] | null = null
  let completed = 0
  for (let round = 0; round < ROUNDS; round++) {
    const before = snapshot(load)
    const command = begin(instance, 'backup', '--to', to)
    const output = text(command.stdout as NonNullable<ChildProcess['stdout']>)
    const killed = sleep(next() * TAKES_MS).then(async () => {
      if (next() < 0.7) for (const pid of instance.children('store-main')) process.kill(pid, 'SIGKILL')
      else {
        await instance.stop('SIGKILL')
        await instance.start()
      }
    })
    const [[status]] = await Promise.all([once(command, 'exit') as Promise<[number | null]>, killed])
    // A command that is killed at its start has made no directory.
    const isEmpty = !existsSync(to) || readdirSync(to).length === 0
    const listed = isEmpty ? [] : ((await json(instance, 'backup', 'list', '--to', to)) as { id: string }[])
    if (status === 0) {
      const { id } = JSON.parse(await output) as { id: string }
      t.ok(
        listed.some((backup) => backup.id === id),
        'a backup that was reported is there',
      )
      covered = before
      completed++
    }
    await until(() => fetch(instance.url('/readyz', instance.metricsPort)).then(({ ok }) => ok))
  }
  const before = snapshot(load)
  if ((await run(process.execPath, [instance.program, 'backup', '--to', to], { env: instance.env })).status === 0)
    covered = before
  await load.stop()
  t.comment({ completed, acknowledged: load.total })
  if (covered === null) throw new Error('no backup was completed')
  const verified = await run(
    process.execPath,
    [instance.program, 'backup', 'verify', '--to', to, '--scratch', t.testdirName],
    {
      env: instance.env,
    },
  )
  t.equal(verified.status, 0, verified.stderr)

  const lost = join(t.testdirName, 'data')
  await instance.destroy()
  rmSync(join(lost, 'store'), { recursive: true })
  const fresh = await Instance.create(join(t.testdirName, 'fresh'), { GATEPOST_AUTH_MODE: 'open' })
  t.teardown(() => fresh.destroy())
  let interrupted = 0
  for (let round = 0; round < ROUNDS; round++) {
    const command = begin(fresh, 'restore', '--from', to, '--log-of', lost)
    const killed = sleep(next() * TAKES_MS).then(() => command.kill('SIGKILL'))
    const [status] = (await once(command, 'exit')) as [number | null]
    await killed
    if (status === 0) {
      rmSync(fresh.dataDir, { recursive: true })
      continue
    }
    interrupted++
    // Killed before it began, or in the middle: an instance starts on nothing, or not at all.
    const { status: refused } = await run(process.execPath, [fresh.program, 'sessions'], { env: fresh.env })
    if (refused === 0) rmSync(fresh.dataDir, { recursive: true })
  }
  t.comment({ interrupted })
  await json(fresh, 'restore', '--from', to, '--log-of', lost)
  await fresh.start()
  for (let kills = 0; kills < 3; kills++) {
    await sleep(next() * 300)
    for (const pid of fresh.children('store-main')) process.kill(pid, 'SIGKILL')
    await until(() => fetch(fresh.url('/readyz', fresh.metricsPort)).then(({ ok }) => ok))
  }
  t.equal(await fresh.stop(), 0, 'everything in the journal is stored')
  await fresh.start()
  const query = <T>(sql: string) => fresh.query<T>(sql)
  t.match(await compare(query, { acknowledged: covered }), { lost: 0, duplicates: 0 }, 'what came before the backup')
  t.match(await compare(query, load), { lost: 0, duplicates: 0 }, 'what the log of the lost directory has')
  t.equal(await fresh.stop(), 0)
})

function snapshot(load: Load): Load['acknowledged'] {
  const copies = Object.entries(load.acknowledged).map(([route, ids]) => [route, new Map(ids)])
  return Object.fromEntries(copies) as Load['acknowledged']
}

async function json(instance: Instance, ...arguments_: string[]): Promise<unknown> {
  const { status, stdout, stderr } = await run(process.execPath, [instance.program, ...arguments_, '--json'], {
    env: instance.env,
  })
  if (status !== 0) throw new Error(`gatepost ${arguments_.join(' ')}: ${status}: ${stderr}`)
  return JSON.parse(stdout) as unknown
}

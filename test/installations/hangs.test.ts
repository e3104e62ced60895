import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Instance } from '../helpers/instance.ts'
import { created } from '../helpers/mixes.ts'
import { post, stored } from '../helpers/post-auth.ts'
import { whenStopped } from '../helpers/stopped.ts'
import { until } from '../helpers/until.ts'

/* A process that hangs (SIGSTOP) is not ready, is replaced, and loses nothing; a supervisor that was itself stopped replaces nobody. */

const HUNG_AFTER_MS = 4000
const ENV = { GATEPOST_WORKERS: '1', GATEPOST_HUNG_AFTER: `${HUNG_AFTER_MS / 1000}s` }

const accepted = async (instance: Instance, id: string): Promise<boolean> =>
  until(async () => {
    const answer = await fetch(instance.url('/logging/post-auth', instance.ingestPort), {
      method: 'POST',
      body: JSON.stringify({ username: 'someone', authentication_result: 'Access-Accept', task_id: id }),
      // A connection that a stopped worker has accepted is never answered.
      signal: AbortSignal.timeout(1000),
    })
    return answer.status === 204
  })

const metric = async (instance: Instance, series: string): Promise<string | undefined> => {
  const text = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  return text.split('\n').find((line) => line.startsWith(series))
}

const processes = async (instance: Instance): Promise<Record<string, string>> => {
  const answer = await fetch(instance.url('/readyz', instance.metricsPort))
  return ((await answer.json()) as { processes: Record<string, string> }).processes
}

t.test('a process that hangs is not ready and is replaced', async (t) => {
  const instance = await (await created(t, ENV)).start()
  t.equal(
    await metric(instance, 'gatepost_process_hung_total{process="store"}'),
    'gatepost_process_hung_total{process="store"} 0',
  )
  for (const [name, main] of [
    ['ingest-0', 'ingest-main'],
    ['store', 'store-main'],
  ] as const) {
    t.ok(await accepted(instance, `before ${name}`))
    const [hung] = instance.children(main)
    process.kill(hung, 'SIGSTOP')
    await whenStopped(hung)
    t.ok(await until(async () => (await processes(instance))[name] === 'not ready'), `${name} is not ready`)
    t.equal(
      await metric(instance, `gatepost_process_up{process="${name}"}`),
      `gatepost_process_up{process="${name}"} 0`,
    )
    const hangs = `gatepost_process_hung_total{process="${name}"}`
    t.ok(await until(async () => (await metric(instance, hangs)) === `${hangs} 1`), 'it is counted')
    t.ok(await until(async () => (await processes(instance))[name] === 'ready'), 'another one is ready')
    t.not(instance.children(main)[0], hung)
    t.ok(await accepted(instance, `after ${name}`))
  }
  t.match(instance.output, /supervisor: ingest-0 hangs; killing it/)
  const wanted = ['before ingest-0', 'after ingest-0', 'before store', 'after store']
  const ids = await stored(instance, (found) => wanted.every((id) => found.includes(id)))
  t.same(
    wanted.filter((id) => !ids.includes(id)),
    [],
    'everything that was acknowledged is stored',
  )
  t.equal(await instance.stop(), 0)
})

t.test('after a supervisor was itself stopped, no process counts as hung', async (t) => {
  const instance = await (await created(t, ENV)).start()
  t.equal((await post(instance, 'before')).status, 204)
  const children = [...instance.children('ingest-main'), ...instance.children('store-main')]
  process.kill(instance.pid, 'SIGSTOP')
  await whenStopped(instance.pid)
  // The time itself is what is tested: a laptop that sleeps.
  await sleep(2 * HUNG_AFTER_MS)
  process.kill(instance.pid, 'SIGCONT')
  t.ok(await until(async () => (await processes(instance))['store'] === 'ready'))
  await sleep(2000)
  t.same([...instance.children('ingest-main'), ...instance.children('store-main')], children, 'nobody was replaced')
  t.equal((await post(instance, 'after')).status, 204)
})

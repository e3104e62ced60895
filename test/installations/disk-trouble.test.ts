import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Instance, isAlive } from '../helpers/instance.ts'
import { created } from '../helpers/mixes.ts'
import { post, stored } from '../helpers/post-auth.ts'
import { mountSmall } from '../helpers/small-disk.ts'
import { whenStopped } from '../helpers/stopped.ts'
import { until } from '../helpers/until.ts'

/* A disk that is not writable, that is full, or that changed bytes; and a journal at its size limit. */

t.test('a file system that cannot be written', async (t) => {
  const directory = mountSmall(t, 'ro,size=64k')
  if (directory === null) return
  const instance = await Instance.create(join(directory, 'data'))
  const { status, output } = await instance.refused()
  t.equal(status, 2)
  t.match(output, /GATEPOST_DATA_DIR=.*cannot be created/)
})

t.test('a full journal: post-auth is refused, gateways are answered, nothing acknowledged is lost', async (t) => {
  const instance = await (await created(t, { GATEPOST_JOURNAL_MAX_BYTES: '64KiB' })).start()
  const [store] = instance.children('store-main')
  const ping = async () =>
    (await fetch(instance.url('/ping?gw_id=x&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'))).headers.get(
      'x-gatepost-record',
    )
  // The store process is stopped, so no record leaves the journal.
  process.kill(store, 'SIGSTOP')
  await whenStopped(store)
  t.teardown(() => isAlive(store) && process.kill(store, 'SIGCONT'))
  const acknowledged: string[] = []
  let full: Response | null = null
  for (let index = 0; full === null && index < 5000; index++) {
    const response = await post(instance, `full-${String(index).padStart(5, '0')}`)
    if (response.status === 204) acknowledged.push(`full-${String(index).padStart(5, '0')}`)
    else full = response
  }
  t.equal(full?.status, 503)
  t.equal(full?.headers.get('retry-after'), '5')
  t.equal(full?.headers.get('x-gatepost-record'), 'dropped')
  // A ping is smaller: a few may fit where no post-auth did.
  t.ok(await until(async () => (await ping()) === 'dropped'), 'a gateway still gets its Pong')
  const scrape = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(scrape, /gatepost_records_not_kept_total\{topic="gateway_pings",reason="LOG_FULL",process="ingest-0"\} [1-9]/)

  process.kill(store, 'SIGCONT')
  t.ok(await until(async () => (await post(instance, 'room again')).status === 204), 'accepts records again')
  const ids = await stored(instance, (found) => found.includes('room again') && found.length > acknowledged.length)
  t.same(
    ids.filter((id) => id.startsWith('full-')),
    acknowledged,
    'every acknowledged record once, none of the refused',
  )
})

t.test('a full disk', async (t) => {
  const journal = mountSmall(t, 'size=256k')
  if (journal === null) return
  const data = join(t.testdir({ data: {} }), 'data')
  symlinkSync(journal, join(data, 'journal'))
  const instance = await Instance.create(data)
  t.teardown(() => instance.destroy())
  await instance.start()
  t.equal((await post(instance, 'a')).status, 204)
  writeFileSync(join(journal, 'ballast'), Buffer.alloc(150_000))
  const ballast = join(journal, 'ballast2')
  try {
    writeFileSync(ballast, Buffer.alloc(200_000))
  } catch (error) {
    t.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
  t.ok(await until(async () => (await post(instance, 'b')).status === 503), 'refused while the disk is full')
  const answer = await fetch(instance.url('/ping?gw_id=x&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3'))
  t.equal(await answer.text(), 'Pong')
  t.equal(answer.headers.get('x-gatepost-record'), 'dropped')
  execFileSync('rm', ['-f', ballast, join(journal, 'ballast')])
  t.ok(await until(async () => (await post(instance, 'c')).status === 204), 'continues when there is room')
  const ids = await stored(instance, (found) => found.includes('a') && found.includes('c'))
  t.ok(ids.includes('a') && ids.includes('c'))
  t.equal(await instance.stop(), 0)
})

t.test('a corrupt segment is detected and kept aside, and intact records are stored', async (t) => {
  const instance = await (await created(t)).start()
  const [store] = instance.children('store-main')
  process.kill(store, 'SIGSTOP')
  await whenStopped(store)
  for (let index = 0; index < 5; index++) {
    t.equal((await post(instance, `block-${index}`)).status, 204)
  }
  await sleep(800)
  const slot = join(instance.dataDir, 'journal', '0')
  const [segment] = readdirSync(slot).filter((name) => name.startsWith('post_auth'))
  const bytes = readFileSync(join(slot, segment))
  // The third block's count: its bytes are then not a block.
  const third = bytes.indexOf('block-2')
  const previous = bytes.lastIndexOf(bytes.subarray(bytes.length - 16), third)
  bytes[previous + 16] = 0
  writeFileSync(join(slot, segment), bytes)
  process.kill(store, 'SIGCONT')
  const ids = await stored(instance, (found) => found.length >= 4)
  t.same(ids, ['block-0', 'block-1', 'block-3', 'block-4'])
  // It is put aside when all intact batches are stored.
  const aside = join(instance.dataDir, 'journal', 'corrupt', segment)
  t.ok(await until(() => existsSync(aside)))
  t.ok(await until(() => instance.output.includes('is corrupt')))
})

import { fork } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { cleanEnv } from '../../test/helpers/clean-env.ts'
import { lockDirectory, tryLockDirectory } from '../directory-lock.ts'

t.test('one holder at a time for each role', async (t) => {
  const directory = t.testdir()
  const lock = await lockDirectory(directory, 'store')
  t.equal(await tryLockDirectory(directory, 'store'), null)
  const other = await tryLockDirectory(directory, 'supervisor')
  t.ok(other, 'another role is another lock')
  await t.rejects(lockDirectory(directory, 'store', 60), { code: 'DIRECTORY_LOCKED' })
  await lock.release()
  await other?.release()
  const again = await lockDirectory(directory, 'store')
  await again.release()
})

t.test('the lock of a killed process is free', async (t) => {
  const directory = t.testdir()
  const holder = new URL('../../test/helpers/hold-lock.js', import.meta.url)
  const child = fork(holder, [directory, 'store'], { execArgv: [], env: cleanEnv() })
  await once(child, 'message')
  t.equal(await tryLockDirectory(directory, 'store'), null)
  child.kill('SIGKILL')
  const lock = await lockDirectory(directory, 'store', 2000)
  t.ok(lock)
  await lock.release()
})

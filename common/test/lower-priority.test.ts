import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import t from 'tap'
import { lowerPriority } from '../lower-priority.ts'

t.test('a priority is lowered, and never raised, which only root may', (t) => {
  const before = getPriority()
  lowerPriority(before + 2)
  t.equal(getPriority(), before + 2)
  lowerPriority(before)
  t.equal(getPriority(), before + 2)
  t.end()
})

t.test('so is that of threads that are there already', { skip: process.platform !== 'linux' }, async (t) => {
  // Makes the threads of the pool.
  await readFile('/proc/self/stat')
  const wanted = getPriority() + 2
  lowerPriority(wanted)
  const threads = readdirSync('/proc/self/task').map(Number)
  t.ok(threads.length > 4, `${threads.length} threads`)
  for (const thread of threads) t.equal(getPriority(thread), wanted)
})

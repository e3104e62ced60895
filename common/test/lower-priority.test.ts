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

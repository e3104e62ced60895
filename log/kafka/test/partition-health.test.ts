import t from 'tap'
import { PartitionHealth } from '../partition-health.ts'
import { SendError } from '../client/send-error.ts'

const rotation = (health: PartitionHealth, now: number, times: number) =>
  new Set(Array.from({ length: times }, () => health.rotate(now)))

t.test('partitions take turns; a failing one is left out until its next attempt', (t) => {
  const health = new PartitionHealth(3, () => 1)
  t.same(rotation(health, 0, 3), new Set([0, 1, 2]))
  health.failed(1, 1000)
  t.same(rotation(health, 1001, 6), new Set([0, 2]))
  t.notOk(health.allows(1, 1001))
  t.ok(rotation(health, 3000, 3).has(1), 'to check whether it still fails')
  t.ok(health.allows(1, 3000), 'one batch tests the partition')
  t.notOk(health.allows(1, 3001), 'the others wait for its outcome')
  health.failed(1, 3001)
  t.notOk(health.allows(1, 6000), 'the next attempt comes later')
  t.ok(health.succeeded(1))
  t.notOk(health.succeeded(1))
  t.ok(health.allows(1, 6001))
  t.end()
})

t.test('if all partitions fail, one is chosen all the same', (t) => {
  const health = new PartitionHealth(2)
  health.failed(0, 0)
  health.failed(1, 0)
  t.equal(health.failing, 2)
  t.ok([0, 1].includes(health.rotate(1)))
  health.resize(1)
  t.equal(health.failing, 1)
  t.equal(health.rotate(1), 0)
  t.end()
})

t.test('the known outcome after a failed send', (t) => {
  const protocol = (type: string) => Object.assign(new Error(type), { type })
  const cases: readonly (readonly [string, boolean, boolean])[] = [
    ['MESSAGE_TOO_LARGE', true, true],
    ['NOT_ENOUGH_REPLICAS', true, true],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', true, false],
    ['REQUEST_TIMED_OUT', true, false],
    ['NOT_LEADER_FOR_PARTITION', true, false],
    ['UNKNOWN_TOPIC_OR_PARTITION', true, false],
    ['UNKNOWN_TOPIC_OR_PARTITION', false, true],
  ]
  for (const [type, left, nothingAppended] of cases) {
    const wrapped = new Error('retries exceeded', { cause: protocol(type) })
    t.match(new SendError(wrapped, left), { type, nothingAppended }, `${type}, ${left ? 'left' : 'never left'}`)
  }
  t.end()
})

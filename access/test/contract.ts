import type { Test } from 'tap'
import { until } from '../../test/helpers/until.ts'
import type { AccessEntry, AccessLog } from '../log.ts'

function entry(reason: string, more: Partial<AccessEntry> = {}): AccessEntry {
  return { verdict: 'deny', reason, until: null, updatedAt: Date.now(), ...more }
}

/** The contract of every access log. `open` opens the same log again, as another process would. */
export function accessContract(t: Test, open: (t: Test) => Promise<AccessLog>): void {
  t.test('what is put is seen by everybody, the last of a subject counts, and null forgets it', async (t) => {
    const [one, other] = [await open(t), await open(t)]
    await one.put('mac:A', entry('first'))
    await one.put('mac:A', entry('second', { data: { by: 'operator', list: [1, { deep: true }] } }))
    t.ok(await until(() => other.get('mac:A', Date.now())?.reason === 'second'))
    t.match(other.get('mac:A', Date.now()), {
      verdict: 'deny',
      until: null,
      data: { by: 'operator', list: [1, { deep: true }] },
    })
    t.match((await open(t)).get('mac:A', Date.now()), { reason: 'second' }, 'also by those who come later')
    await until(() => one.get('mac:A', Date.now()) !== undefined)
    await one.put('mac:A', null)
    t.ok(await until(() => other.get('mac:A', Date.now()) === undefined))
    t.equal((await open(t)).get('mac:A', Date.now()), undefined)
  })

  t.test('what has ended is in force no more', async (t) => {
    const log = await open(t)
    const now = Date.now()
    await log.put('mac:B', entry('short', { until: now + 1000 }))
    t.ok(await until(() => log.get('mac:B', now) !== undefined))
    t.equal(log.get('mac:B', now + 1000), undefined)
    t.same([...log.entries('mac:B', now + 1000)], [])
  })

  t.test('subjects of a kind', async (t) => {
    const log = await open(t)
    for (const name of ['x', 'y']) await log.put(`voucher:${name}`, entry(name))
    await log.claim('voucher:z', entry('z'))
    t.ok(await until(() => [...log.entries('voucher:', Date.now())].length === 3))
    t.same(
      [...log.entries('voucher:', Date.now())].map(([subject, { reason }]) => [subject, reason]),
      [
        ['voucher:x', 'x'],
        ['voucher:y', 'y'],
        ['voucher:z', 'z'],
      ],
    )
  })

  t.test('of many claims to a subject at once one counts, and everybody knows which', async (t) => {
    const logs = [await open(t), await open(t), await open(t)]
    for (let round = 0; round < 10; round++) {
      const subject = `bind:${round}`
      const claims = logs.flatMap((log, index) =>
        [0, 1].map((again) => log.claim(subject, entry('', { data: { mac: `${index}.${again}` } }))),
      )
      const winners = new Set((await Promise.all(claims)).map(({ data }) => data?.['mac']))
      t.equal(winners.size, 1, `${[...winners].join()} has it`)
      const late = await logs[round % 3].claim(subject, entry('', { data: { mac: 'late' } }))
      t.equal(late.data?.['mac'], [...winners][0], 'for good')
      t.equal((await open(t)).get(subject, Date.now())?.data?.['mac'], [...winners][0])
    }
  })

  t.test('a claim that has ended leaves the subject to the next', async (t) => {
    const log = await open(t)
    const now = Date.now()
    t.match(await log.claim('bind:over', entry('one', { until: now + 5, updatedAt: now })), { reason: 'one' })
    t.match(await log.claim('bind:over', entry('two', { updatedAt: now + 10 })), { reason: 'two' })
    t.match(log.get('bind:over', now + 20), { reason: 'two' })
    await log.put('bind:over', entry('decided'))
    t.ok(await until(() => log.get('bind:over', now + 20)?.reason === 'decided'), 'what is put counts more than claims')
    await log.put('bind:over', null)
    t.ok(await until(() => log.get('bind:over', now) === undefined), 'forgotten with its claims')
  })
}

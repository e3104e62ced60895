import t from 'tap'
import { Gate, Queue } from '../gate.ts'

const here = new AbortController().signal
const refusal = { message: /^Too many simultaneous queries/ }

/** Enters, and notes in `order` when it may. */
function entering(gate: Gate, who: string, order: string[]): Promise<() => void> {
  return gate.enter(who, here).then((leave) => {
    order.push(who)
    return leave
  })
}

t.test('a slot goes to the one with fewest slots, then to the one who waits for longest', async (t) => {
  const gate = new Gate(2, new Queue(10, 60_000))
  const order: string[] = []
  const running = [await entering(gate, 'a', order), await entering(gate, 'a', order)]
  const waiting = ['a', 'a', 'b', 'c', 'b'].map((who) => entering(gate, who, order))
  running[0]?.()
  const leaveB = await waiting[2]
  leaveB?.()
  const leaveC = await waiting[3]
  leaveC?.()
  const leaveB2 = await waiting[4]
  t.equal(order.join(''), 'aabcb')
  leaveB2?.()
  ;(await waiting[0])?.()
  ;(await waiting[1])?.()
  running[1]?.()
  running[1]?.()
  t.equal(gate.active, 0)
})

t.test('a full queue refuses those who have most of it', async (t) => {
  const queue = new Queue(3, 60_000)
  const gate = new Gate(1, queue)
  const leave = await gate.enter('a', here)
  const order: string[] = []
  const waiting = [1, 2, 3].map(() => entering(gate, 'a', order))
  await t.rejects(gate.enter('a', here), refusal, 'the one who fills it')
  const b = entering(gate, 'b', order)
  await t.rejects(waiting[2], refusal, 'the newest of a')
  await t.rejects(gate.enter('b', here), refusal, 'as many as a would be no better')
  t.equal(queue.length, 3)
  leave()
  ;(await b)()
  ;(await waiting[0])?.()
  ;(await waiting[1])?.()
  t.equal(order.join(''), 'baa')
  t.match({ active: gate.active, length: queue.length }, { active: 0, length: 0 })
})

t.test('waiting ends with the client and after its time', async (t) => {
  const queue = new Queue(3, 10)
  const gate = new Gate(1, queue)
  const leave = await gate.enter('a', here)
  const client = new AbortController()
  const gone = gate.enter('b', client.signal)
  client.abort()
  await t.rejects(gone, { message: /went away/ })
  await t.rejects(gate.enter('b', here), refusal)
  t.equal(queue.length, 0)
  leave()
  t.equal(gate.active, 0)
})

t.test('a holder that cannot be interrupted yet is asked again', async (t) => {
  const gate = new Gate(1, new Queue(3, 60_000))
  const answers = [false, false, true]
  const revoke = () => {
    const isInterrupted = answers.shift() ?? t.fail('asked too often')
    if (isInterrupted) leave()
    return isInterrupted
  }
  const leave = await gate.enter('a', here, { ms: 5, revoke })
  const leaveB = await gate.enter('b', here)
  t.same(answers, [])
  leaveB()
})

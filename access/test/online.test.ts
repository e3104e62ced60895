import { pino } from 'pino'
import t, { type Test } from 'tap'
import { compactAccessLog } from '../journal-compaction.ts'
import { FileAccessLog } from '../journal-log.ts'
import { OnlineClients } from '../online.ts'

/*
 * Which session a device has at a gateway, as processes see it that start at different times. Symptom: a worker said again that a device is at a gateway that it
 * had left. Root cause: the login elsewhere had ended the session there for good, and it was forgotten when its own, shorter session had ended.
 */
const logger = pino({ level: 'silent' })
const MAC = '02-00-00-00-00-01'
const START = Date.now()
const minutes = (count: number) => START + count * 60_000

/** Processes of one installation. Each start compacts the log, as `gatepost serve` does. */
function installation(t: Test) {
  const directory = t.testdir()
  return async (now: number) => {
    await compactAccessLog(directory, now)
    const access = await FileAccessLog.open(directory, logger)
    t.teardown(() => access.close())
    const online = new OnlineClients(access)
    return {
      online,
      begins: (gwId: string, sessionId: string, at: number, ends: number, isProven = true) =>
        online.began({ gwId, mac: MAC, isProven, now: at }, { sessionId, ends, confirmBy: null }),
      reports: (gwId: string, sessionId: string, at: number, ends: number) =>
        online.wentOn({ gwId, mac: MAC, isProven: true, now: at }, { sessionId, ends, confirmBy: null }, 'counters'),
      at: (now: number) => ['A', 'B', 'C'].filter((gwId) => online.find(gwId, MAC, now) !== null),
    }
  }
}

t.test('a login elsewhere is remembered for as long as a session that it ended', async (t) => {
  const start = installation(t)
  const first = await start(minutes(0))
  await first.begins('A', 'a', minutes(0), minutes(1000))
  await first.begins('B', 'b', minutes(1), minutes(10))
  t.same(first.at(minutes(2)), ['B'])
  t.same(first.at(minutes(11)), [], 'after the end of the shorter session')
  const second = await start(minutes(12))
  t.same(second.at(minutes(12)), [], 'the same in a process that starts now')
  t.equal(second.online.latest('B', MAC, minutes(12)), null)
  await second.begins('C', 'c', minutes(13), minutes(20))
  const third = await start(minutes(30))
  t.same(third.at(minutes(30)), [], 'and after one more')
  await third.reports('A', 'a', minutes(31), minutes(1000))
  t.same(third.at(minutes(31)), ['A'], 'the first gateway goes on to report it')
  t.same((await start(minutes(32))).at(minutes(32)), ['A'])
  t.same((await start(minutes(1001))).at(minutes(1001)), [])
})

t.test('a login that anybody can send lasts as long as its session', async (t) => {
  const start = installation(t)
  const first = await start(minutes(0))
  await first.begins('A', 'a', minutes(0), minutes(1000))
  await first.begins('B', 'b', minutes(1), minutes(10), false)
  t.same((await start(minutes(2))).at(minutes(2)), ['A', 'B'])
  t.same((await start(minutes(11))).at(minutes(11)), ['A'])
})

t.test('an entry of an earlier version ends with its session', async (t) => {
  const start = installation(t)
  const { online } = await start(minutes(0))
  t.equal(online.find('A', MAC, minutes(0)), null)
  const directory = t.testdirName
  const access = await FileAccessLog.open(directory, logger)
  t.teardown(() => access.close())
  await access.put(`online:${MAC} A`, {
    verdict: 'allow',
    reason: '',
    until: minutes(10),
    updatedAt: minutes(0),
    data: { sessionId: 'a', mac: MAC, confirmBy: 0, loggedIn: minutes(0) },
  })
  const later = await start(minutes(1))
  t.equal(later.online.find('A', MAC, minutes(1))?.ends, minutes(10))
  t.same(later.at(minutes(10)), [])
})

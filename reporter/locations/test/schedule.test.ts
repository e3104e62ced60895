import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { openEngine } from '../../test/engine.ts'
import { locationMetrics } from '../../metrics.ts'
import { startLocations, type LocationScheduleStats } from '../schedule.ts'
import { listLocations } from '../table.ts'

const store = await openEngine(t.testdir())
t.teardown(() => store.close())

t.test('the locations follow the source; a broken one changes nothing and is counted', async (t) => {
  let answer = { status: 200, body: 'ip,location_id\n192.0.2.1,1\n', cut: false }
  const server = createServer((_, response) => {
    response.writeHead(answer.status, { 'content-length': answer.body.length + (answer.cut ? 100 : 0) })
    response.write(answer.body)
    if (answer.cut) setImmediate(() => response.destroy())
    else response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const errors: unknown[] = []
  const logger = pino({ level: 'error' }, { write: (line: string) => void errors.push(JSON.parse(line)) })
  const source = `http://user:password@127.0.0.1:${(server.address() as AddressInfo).port}/sites`
  const schedule = startLocations({ store, source, everyMs: 20, logger })
  t.teardown(() => schedule.stop())
  const until = async (reached: (stats: LocationScheduleStats) => boolean) => {
    while (!reached(schedule.stats)) await sleep(5)
  }
  const ids = async () => (await listLocations(store)).map(({ location_id }) => location_id)

  await until(({ imports }) => imports >= 1)
  t.same(await ids(), [1])
  const broken = [
    { status: 500, body: 'sorry', cut: false },
    { status: 200, body: '<html>not what was asked for</html>', cut: false },
    { status: 200, body: 'ip,location_id\n192.0.2.1,2\nnowhere,3\n', cut: false },
    { status: 200, body: 'ip,location_id\n192.0.2.1,4\n', cut: true },
    { status: 200, body: '', cut: false },
  ]
  for (const each of broken) {
    answer = each
    const before = schedule.stats.failures
    // The first of them may have been requested before.
    await until(({ failures }) => failures >= before + 2)
    t.same(await ids(), [1], each.body)
  }
  t.match(errors, [{ msg: /could not be imported; those that are there stay/, error: /answers 500/ }])
  t.notMatch(JSON.stringify(errors), /password/)

  answer = { status: 200, body: '[{"ip":"192.0.2.1","location_id":5},{"ip":"192.0.2.2","location_id":6}]', cut: false }
  const before = schedule.stats.imports
  await until(({ imports }) => imports > before + 1)
  t.same(await ids(), [5, 6])
  const metrics = await locationMetrics(schedule.stats).registry.metrics()
  t.match(metrics, /^gatepost_ip_locations_failures_total [1-9]/m)
  t.match(metrics, /^gatepost_ip_locations 2$/m)
  t.match(metrics, /^gatepost_ip_locations_imported_timestamp_seconds 1\d+/m)
})

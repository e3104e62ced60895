import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { bodySignature } from '../../common/signed-post.ts'
import { Listening } from '../../jobs/alerts/listening.ts'
import { Instance } from '../helpers/instance.ts'
import { MemoryAccess } from '../helpers/memory-access.ts'
import { NEVER_MS } from '../helpers/until.ts'

const SECRET = 'the key of the alerts of a test'

interface Alert {
  readonly event: string
  readonly gw_id: string
  readonly name: string
  readonly last_seen: string
  readonly addresses?: readonly string[]
}

t.test('a gateway goes down and comes up again', async (t) => {
  const alerts: Alert[] = []
  let refusals = 2
  const receiver = createServer((request, response) => {
    void read(request).then((body) => {
      const timestamp = request.headers['x-gatepost-timestamp'] as string
      t.equal(request.headers['x-gatepost-signature'], bodySignature(SECRET, timestamp, body))
      t.equal(request.headers['content-type'], 'application/json')
      if (refusals-- > 0) return response.writeHead(503).end()
      alerts.push(JSON.parse(body) as Alert)
      return response.end()
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  t.teardown(() => receiver.close())
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts?key=secret`
  const instance = await Instance.create(join(t.testdir(), 'data'), {
    GATEPOST_ALERT_URL: url,
    GATEPOST_ALERT_SECRET: SECRET,
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const uptime = performance.now()
  const ping = (gateway: string) =>
    fetch(
      instance.url(
        `/ping/?gw_id=${gateway}&sys_uptime=1&sys_memfree=1&sys_load=0.1&wifidog_uptime=${Math.round((performance.now() - uptime) / 1000)}`,
        instance.gatewayPort,
      ),
    )
  /** @returns the longest time without a heartbeat, in ms: on a machine that stands still for more than five intervals, alerts are true */
  const seen = async (gateways: string[], enough: () => boolean) => {
    const deadline = Date.now() + NEVER_MS
    let longest = 0
    for (let latest = performance.now(); !enough() && Date.now() < deadline; await sleep(1000)) {
      await Promise.all(gateways.map(ping))
      longest = Math.max(longest, performance.now() - latest)
      latest = performance.now()
    }
    return Math.round(longest)
  }
  // Long enough for the gateways' intervals to be known.
  let rounds = 0
  await seen(['steady', 'shaky'], () => rounds++ > 6)
  await seen(['steady'], () => alerts.length > 0)
  t.match(alerts, [{ event: 'gateway_down', gw_id: 'shaky', name: '', last_seen: /^20\S+T\S+\.\d{3}Z$/ }])
  t.ok(refusals < 0, 'although the receiver refused it at first')
  await seen(['steady', 'shaky'], () => alerts.length > 1)
  t.match(alerts[1], { event: 'gateway_up', gw_id: 'shaky' })
  t.match(alerts.length, 2, 'each once')
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /^gatepost_alerts_sent_total\{event="gateway_down",process="store"\} 1$/m)
  t.match(metrics, /^gatepost_alert_failures_total\{process="store"\} 2$/m)

  // Two gateways that call themselves the same, started an hour apart.
  const twin = (up: number) =>
    fetch(
      instance.url(
        `/ping/?gw_id=twins&sys_uptime=1&sys_memfree=1&sys_load=0.1&wifidog_uptime=${up + Math.round((performance.now() - uptime) / 1000)}`,
        instance.gatewayPort,
      ),
    )
  const twins = () => alerts.filter(({ gw_id }) => gw_id === 'twins')
  for (const deadline = Date.now() + NEVER_MS; twins().length === 0 && Date.now() < deadline; await sleep(500)) {
    await twin(3600)
    await sleep(500)
    await twin(0)
    await Promise.all(['steady', 'shaky'].map(ping))
  }
  await seen(['steady', 'shaky'], () => rounds++ > 20)
  t.match(twins(), [{ event: 'gateway_same_id', addresses: ['127.0.0.1'] }], 'once')
  alerts.splice(0, alerts.length, ...alerts.filter(({ gw_id }) => gw_id !== 'twins'))

  // While no process listens, all gateways are silent: no alert is sent when it starts again and they come back.
  await instance.stop()
  await sleep(8000)
  await instance.start()
  const silentMs = await seen(['steady', 'shaky'], () => rounds++ > 44)
  const ofOthers = alerts.filter(({ gw_id }) => gw_id !== 'twins')
  t.equal(ofOthers.length, 2)
  t.strictSame(ofOthers.slice(2), [], `the gateways were silent for ${silentMs} ms at most`)
})

t.test('listening without a gap', (t) => {
  let behind = false
  const listening = new Listening(new MemoryAccess(), () => behind)
  t.equal(listening.since(0), null)
  listening.heard(1000)
  listening.heard(61_000)
  t.equal(listening.since(61_001), 1000)
  t.equal(listening.since(200_000), 1000)
  t.equal(listening.since(212_000), null, 'two liveness reports are missing')
  listening.heard(300_000)
  t.equal(listening.since(300_001), 300_000)
  behind = true
  t.equal(listening.since(310_000), null)
  behind = false
  t.equal(listening.since(320_000), 310_000, 'from the last time at which there was lag')
  t.end()
})

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

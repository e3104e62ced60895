import { join } from 'node:path'
import { mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { WebSocket } from 'ws'
import { FILE, recordText } from '../../access/journal-file.ts'
import { Instance } from '../helpers/instance.ts'
import { until } from '../helpers/until.ts'
import { runCli, runCommand } from '../../cli/test/run-cli.ts'

/* Decisions by command, against a running instance, and the answers that its gateways get. */
t.test('deny, allow, list, remove', async (t) => {
  const instance = await Instance.create(join(t.testdir(), 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_WORKERS: '2',
    GATEPOST_GATEWAY_CHANNEL: 'on',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const access = (...words: string[]) => runCommand(['access', ...words], { GATEPOST_DATA_DIR: instance.dataDir })
  const counters = async () => {
    const query = 'stage=counters&ip=10.0.0.5&mac=50:a6:7f:84:9c:d1&token=t&incoming=1&outgoing=1&gw_id=G'
    const answer = await fetch(instance.url(`/auth/?${query}`, instance.gatewayPort))
    return answer.text()
  }
  /** Every worker must know the decision: connections go to any of them. */
  const told = async (answer: string) => {
    const everyWorker = async () => {
      for (let request = 0; request < 20; request++) if ((await counters()) !== answer) return false
      return true
    }
    t.ok(await until(everyWorker), answer)
  }
  t.equal(await counters(), 'Auth: 1')

  t.match(await access('deny', 'mac', '00-00-00-00-00-01'), {
    status: 0,
    stdout: 'mac:00-00-00-00-00-01: deny\nno client of it is online\n',
  })
  await access('remove', 'mac', '00-00-00-00-00-01')
  const online = async () =>
    (await instance.query("SELECT 1 FROM gatepost.sessions WHERE gw_id = 'G' AND state = 'active'")).length === 1
  t.ok(await until(online))
  const denied = await access('deny', 'mac', '50a67f849cd1', '--reason', 'abuse')
  t.equal(denied.status, 0)
  t.match(
    denied.stdout,
    /^mac:50-A6-7F-84-9C-D1: deny\nG: 1 online; out with the next report, due by 20\S+ \S+\n$/,
    'of a gateway whose interval is not known',
  )
  await told('Auth: 0')
  const registered = await runCommand(['gateways', 'register', 'G', '--source', '127.0.0.1'], {
    GATEPOST_DATA_DIR: instance.dataDir,
  })
  t.equal(registered.status, 0)
  await access('remove', 'mac', '50a67f849cd1')
  await told('Auth: 1')
  t.ok(await until(online), 'it is online again')
  const channel = new WebSocket(`ws://127.0.0.1:${instance.gatewayPort}/ws/wifidogx`)
  t.teardown(() => channel.terminate())
  await new Promise((resolve, reject) => channel.once('open', resolve).once('error', reject))
  const hello = JSON.stringify({ op: 'connect', device_id: 'M', gateway: [{ gw_id: 'G' }], req_id: 1 })
  let overChannel = { stdout: '' }
  const saysSo = async () => {
    // A worker knows a moment later that the gateway is registered.
    channel.send(hello)
    overChannel = await access('deny', 'mac', '50a67f849cd1', '--reason', 'abuse')
    return overChannel.stdout.includes('channel')
  }
  t.ok(await until(saysSo))
  t.match(
    overChannel.stdout,
    /\nG: 1 online; out at once over its channel, else with the next report, due by 20\S+ \S+\n$/,
  )
  await told('Auth: 0')
  t.match(await access('deny', 'gateway', 'G', '--until', '2h'), { status: 0, stdout: /^gateway:G: deny until 20/ })
  const listed = JSON.parse((await access('list', '--json')).stdout) as object[]
  t.match(listed, [
    { subject: 'gateway:G', verdict: 'deny', reason: '', until: /^20/, updated_at: /^20/ },
    { subject: 'mac:50-A6-7F-84-9C-D1', verdict: 'deny', reason: 'abuse', until: null },
  ])
  t.match(await access('list', 'mac'), {
    status: 0,
    stdout: /^subject .*\nmac:50-A6-7F-84-9C-D1 +deny +abuse +20\S+ \S+\n$|^subject .*\nmac:/,
  })

  const gone = JSON.parse((await access('deny', 'gateway', 'H', '--json')).stdout) as object
  t.match(gone, { subject: 'gateway:H', verdict: 'deny', online: [] })
  await access('remove', 'gateway', 'H')
  t.notMatch((await access('allow', 'gateway', 'H', '--json')).stdout, /online/)
  await access('remove', 'gateway', 'H')
  await access('allow', 'mac', '50:a6:7f:84:9c:d1')
  await told('Auth: 1')
  t.match(await access('remove', 'mac', '50:a6:7f:84:9c:d1', '--json'), {
    status: 0,
    stdout: '{"subject":"mac:50-A6-7F-84-9C-D1","removed":true}\n',
  })
  await told('Auth: 0')

  await instance.stop()
  await instance.start()
  t.equal(await counters(), 'Auth: 0', 'it survives a restart')
  await instance.stop()
  t.match(await access('remove', 'gateway', 'G'), { status: 0 }, 'also while nothing runs')
  t.match(await access('remove', 'gateway', 'G'), { status: 1, stdout: /there is no decision/ })
  t.match(await access('deny', 'gateway', 'G'), { status: 0, stdout: /\nit is not known where clients of it are/ })
  t.match(await access('remove', 'gateway', 'G'), { status: 0 })
  await instance.start()
  t.equal(await counters(), 'Auth: 1')

  t.match(await access('deny', 'mac', 'x'), { status: 2, stderr: /not a MAC/ })
  t.match(await access('deny', 'mac', '50a67f849cd1', '--until', 'soon'), {
    status: 2,
    stderr: /--until soon: allowed is/,
  })
  t.match(await access('deny', 'person', 'x'), { status: 2 })
})

t.test('a list of many decisions', async (t) => {
  // Symptom: RangeError, or out of memory. Root cause: all rows and their text were made before the first was written.
  const dataDir = join(t.testdir(), 'data')
  mkdirSync(dataDir)
  const many = 200_000
  const entry = { verdict: 'deny', reason: 'abuse', until: null, updatedAt: Date.now() } as const
  const records = Array.from({ length: many }, (_, index) => `\n${recordText(`account:a${index}`, entry)}\n`)
  writeFileSync(join(dataDir, FILE), records.join(''))
  const env = { GATEPOST_DATA_DIR: dataDir, GATEPOST_SECRET: 'a secret of the tests' }
  const list = (...words: string[]) => runCli(['access', 'list', ...words], env)
  const asTable = await list()
  t.match(asTable, { status: 0, stderr: '' })
  t.equal(asTable.stdout.split('\n').length, many + 2)
  const asJson = await list('account', '--json')
  t.match(asJson, { status: 0, stderr: '' })
  t.equal((JSON.parse(asJson.stdout) as unknown[]).length, many)
})

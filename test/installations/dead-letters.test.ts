import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import type { DeadLetter } from '../../reporter/queries/dead-letters.ts'
import { Instance } from '../helpers/instance.ts'
import { run } from '../helpers/run.ts'
import type { LetterOutcome } from '../../runtime/replay/store-letter.ts'

/* `gatepost dead-letters`, beside the running instance and without it. */

const LOGIN = '{"username":"alice1","authentication_result":"Access-Accept","site_ip_address":"127.0.0.1"}'
const PING = 'gw_id=g&sys_uptime=1&sys_memfree=2&sys_load=0.5&wifidog_uptime=4'

const directory = t.testdir({ data: {}, 'login.json': LOGIN })
const instance = await Instance.create(join(directory, 'data'), { GATEPOST_AUTH_MODE: 'open' })
t.teardown(() => instance.destroy())

const gatepost = (...arguments_: string[]) =>
  run(process.execPath, [packageFile('bin/gatepost'), 'dead-letters', ...arguments_], { env: instance.env })

async function list(): Promise<DeadLetter[]> {
  const { status, stdout, stderr } = await gatepost('list', '--json')
  t.equal(status, 0, stderr)
  return JSON.parse(stdout) as DeadLetter[]
}

const nameOf = ({ batch_id, batch_index }: DeadLetter) => `${batch_id}/${batch_index}`

async function letter(source: string, reason: string): Promise<string> {
  const found = (await list()).filter((one) => one.source === source && one.reason === reason)
  t.equal(found.length, 1, `${source}: ${reason}`)
  return nameOf(found[0])
}

async function replayed(name: string, ...arguments_: string[]): Promise<LetterOutcome> {
  const { status, stdout, stderr } = await gatepost('replay', name, '--json', ...arguments_)
  t.equal(status, 0, stderr)
  return JSON.parse(stdout) as LetterOutcome
}

async function refused(message: RegExp, ...arguments_: string[]): Promise<void> {
  const { status, stdout, stderr } = await gatepost(...arguments_)
  t.match(stderr, message)
  t.equal(status, 2)
  t.equal(stdout, '')
}

t.test('dead letters are listed, shown, repaired and replayed', async (t) => {
  await instance.start()
  const auth = 'gw_id=g&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t&outgoing=2'
  for (const path of [
    `/ping/?${PING.replace('gw_id=g&', '')}`,
    `/auth/?stage=counters&incoming=many&${auth}`,
    `/auth/?stage=nonsense&incoming=1&${auth}`,
  ])
    await fetch(instance.url(path))
  await fetch(instance.url('/logging/post-auth'), { method: 'POST', body: '{"username":"alice1"}' })
  await instance.queryUntil('SELECT 1 FROM dead_letters', (rows) => rows.length === 4)

  t.test('list and show', async (t) => {
    const rows = await list()
    t.equal(rows.length, 4)
    const [newest] = rows
    t.match(newest, {
      source: 'post-auth',
      reason: 'missing_field',
      error: 'authentication_result is missing',
      batch_id: /^[0-9a-f-]{36}$/,
      batch_index: 0,
      payload: '{"username":"alice1"}',
      remote_ip: '127.0.0.1',
      sender: '',
    })
    const text = await gatepost('list', '--limit', '1')
    t.match(text.stdout, /^received_at +letter +source +reason +error\n/)
    t.ok(text.stdout.includes(` ${nameOf(newest)} `))
    t.equal(text.stdout.trim().split('\n').length, 2)
    const shown = await gatepost('show', nameOf(newest), '--json')
    t.same(JSON.parse(shown.stdout), newest)
    const upper = await gatepost('show', nameOf(newest).toUpperCase())
    t.match(upper.stdout, /payload +\{"username":"alice1"\}/)
  })

  t.test('a repaired post-auth is stored once, with the time at which it was received', async (t) => {
    const name = await letter('post-auth', 'missing_field')
    await refused(/cannot be stored as it is: authentication_result is missing/, 'replay', name)
    await refused(/body: /, 'replay', name, '--payload', '{')
    const { received_at } = (await list()).find((one) => nameOf(one) === name) as DeadLetter
    const expected = { table: 'post_auth', received_at, rows: 1 }
    t.same(await replayed(name, '--payload-file', join(directory, 'login.json')), expected)
    t.same(await replayed(name, '--payload', LOGIN), { ...expected, rows: 0 }, 'again')
    const again = await gatepost('replay', name, '--payload', LOGIN)
    t.equal(again.stdout, 'it is in post_auth already\n')
    t.same(
      await instance.query('SELECT username, success, remote_ip, toString(received_at) AS received_at FROM post_auth'),
      [{ username: 'alice1', success: 1, remote_ip: '127.0.0.1', received_at }],
    )
  })

  t.test('a letter about an auth request that is stored already is not stored again', async (t) => {
    const stored = await letter('auth', 'bad_telemetry')
    await refused(/the report is already in its table/, 'replay', stored)
    const name = await letter('auth', 'unknown_stage')
    await refused(/stage is none of login, counters, logout/, 'replay', name)
    t.match(await replayed(name, '--payload', `stage=logout&incoming=1&${auth}`), { table: 'gateway_auth', rows: 1 })
    t.same(
      await instance.query(`SELECT toInt32(incoming) AS incoming, auth_code FROM gateway_auth WHERE stage = 'logout'`),
      [{ incoming: 1, auth_code: -1 }],
    )
  })

  t.test('without the instance', async (t) => {
    t.equal(await instance.stop(), 0)
    const name = await letter('ping', 'missing_gw_id')
    await refused(/gw_id is missing/, 'replay', name)
    await refused(/sys_load is not a number in its range/, 'replay', name, '--payload', PING.replace('0.5', 'high'))
    const { stdout } = await gatepost('replay', name, '--payload', PING)
    t.match(stdout, /^stored in gateway_pings, received at \d{4}-/)
    t.match(await replayed(name, '--payload', PING), { rows: 0 })
    t.equal((await list()).length, 4, 'the letters stay')
    await refused(/there is no dead letter 0{8}-/, 'replay', '00000000-0000-0000-0000-000000000000/0')
    await refused(/there is no dead letter 0{8}-/, 'show', '00000000-0000-0000-0000-000000000000/0')
    await refused(/Allowed is batch_id\/batch_index/, 'show', '5')
    await refused(/not both/, 'replay', name, '--payload', 'a', '--payload-file', 'b')
    await refused(/--payload-file .*nothing-there: ENOENT/, 'replay', name, '--payload-file', '/nothing-there')
    t.match((await gatepost('replay', '--help')).stdout, /--payload-file <file>[^]*Examples:/)
  })
})

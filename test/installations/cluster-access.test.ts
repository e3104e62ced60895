import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { FleetGateway, logIn } from '../helpers/gateway-fleet.ts'
import { Instance } from '../helpers/instance.ts'
import { sharedBroker } from '../helpers/shared-broker.ts'
import { run } from '../helpers/run.ts'
import { subjectsKnown } from '../helpers/subjects-known.ts'
import { until } from '../helpers/until.ts'

/* Decisions by command, with Kafka: in force in every `gatepost ingest` of the installation. */

const broker = await sharedBroker(t)
const ENV = {
  GATEPOST_KAFKA_BROKERS: broker.brokers.join(','),
  GATEPOST_KAFKA_TOPIC_PREFIX: broker.prefix,
  GATEPOST_KAFKA_REPLICATION: '1',
  GATEPOST_KAFKA_PARTITIONS: '2',
  GATEPOST_SECRET: 'a secret of the tests',
  GATEPOST_LOGIN: 'voucher',
}
const [MAC, IP] = ['02:00:00:00:00:01', '192.168.77.11']

t.test('access and gateways, from the command line', async (t) => {
  t.testdir()
  const instances: Instance[] = []
  for (const name of ['one', 'two']) {
    const instance = await Instance.create(join(t.testdirName, name), ENV, { command: 'ingest' })
    t.teardown(() => instance.destroy())
    instances.push(instance)
  }
  const gatepost = async (...words: string[]) => {
    // On a machine that runs no process of the installation.
    const env = { ...instances[0].env, GATEPOST_DATA_DIR: join(t.testdirName, 'elsewhere') }
    const { status, stdout, stderr } = await run(process.execPath, [packageFile('bin/gatepost'), ...words], { env })
    t.equal(status, 0, `${words.slice(0, 3).join(' ')}: ${stderr}`)
    return stdout
  }
  await gatepost('topics', 'create')
  await Promise.all(instances.map((instance) => instance.start()))
  for (const instance of instances) {
    const ready = await fetch(instance.url('/readyz', instance.metricsPort))
    t.equal(ready.status, 200, 'a process that is ready knows the decisions')
  }

  // One gateway asks both ingest processes: the client logs in through one, and both answer its requests.
  const [here, there] = instances.map(({ gatewayPort }) => new FleetGateway('G', gatewayPort))
  await Promise.all([here.ping(), there.ping()])
  const [{ id, code }] = JSON.parse(
    await gatepost('access', 'vouchers', 'create', '--count', '1', '--valid-for', '1h', '--max-devices', '1', '--json'),
  ) as { id: string; code: string }[]
  for (const instance of instances) t.ok(await subjectsKnown(instance, 1))
  const visitor = { port: instances[0].gatewayPort, gateway: here, mac: MAC, ip: IP }
  const { token } = await logIn(visitor, { method: 'voucher', code })
  t.equal(await here.login(MAC, IP, token), 1)
  const told = async (code: number, why: string) => {
    for (const gateway of [here, there])
      t.ok(await until(async () => (await gateway.login(MAC, IP, token)) === code), why)
  }
  await told(1, 'every worker knows it')
  t.match(JSON.parse(await gatepost('access', 'vouchers', 'list', '--json')), [{ id, state: 'in_use', devices: 1 }])

  await gatepost('access', 'deny', 'mac', MAC, '--reason', 'abuse')
  await told(0, 'denied')
  t.match(JSON.parse(await gatepost('access', 'list', 'mac', '--json')), [
    { subject: 'mac:02-00-00-00-00-01', verdict: 'deny', reason: 'abuse', until: null },
  ])
  await gatepost('access', 'remove', 'mac', MAC)
  await told(1, 'no longer denied')

  await gatepost('gateways', 'register', 'G', '--source', '192.0.2.0/24')
  await told(-1, 'from elsewhere')
  await gatepost('gateways', 'unregister', 'G')
  await told(1, 'not registered any more')

  await gatepost('access', 'vouchers', 'revoke', id, '--reason', 'lost')
  await told(0, 'its voucher is revoked')
  await instances[1].stop('SIGKILL')
  await instances[1].start()
  await there.ping()
  t.equal(await there.login(MAC, IP, token), 0, 'a starting worker knows it before it answers')
})

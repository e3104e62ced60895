import { spawn } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { freePorts } from '../helpers/instance.ts'
import { kafkaClassPath } from '../helpers/kafka-jars.ts'
import '../helpers/need-kafka.ts'
import { run } from '../helpers/run.ts'
import { endAtOnce } from '../helpers/stopped.ts'
import { until } from '../helpers/until.ts'

/* deploy/kafka as its README says, on other ports. */

t.test('a broker is formatted and runs, and takes the topics', async (t) => {
  await kafkaClassPath()
  const directory = t.testdir()
  const here = join(directory, 'kafka')
  cpSync(packageFile('deploy/kafka'), here, { recursive: true })
  const [port, controller] = await freePorts(2)
  const settings = join(here, 'kraft.properties')
  const text = readFileSync(settings, 'utf8').replaceAll(':9092', `:${port}`).replaceAll(':9093', `:${controller}`)
  writeFileSync(settings, text)
  const env = cleanEnv({ KAFKA_CACHE: packageFile('.kafka'), KAFKA_DATA: join(directory, 'data') })
  const broker = spawn(join(here, 'run'), { env, stdio: 'inherit' })
  t.teardown(() => endAtOnce(broker))
  const kafka = {
    GATEPOST_KAFKA_BROKERS: `127.0.0.1:${port}`,
    GATEPOST_KAFKA_REPLICATION: '1',
    GATEPOST_SECRET: 'a secret of the test',
  }
  const topics = (command: string) =>
    run(process.execPath, [packageFile('bin/gatepost'), 'topics', command], { env: cleanEnv(kafka) })
  t.ok(await until(async () => (await topics('create')).status === 0 || broker.exitCode !== null))
  t.equal(broker.exitCode, null)
  t.match(await topics('check'), { status: 0 })
})

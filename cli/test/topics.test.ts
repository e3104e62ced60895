import t from 'tap'
import { sharedBroker } from '../../test/helpers/shared-broker.ts'
import { runCli } from './run-cli.ts'

const broker = await sharedBroker(t)

t.test('gatepost topics: create, check, show', async (t) => {
  const env = {
    GATEPOST_KAFKA_BROKERS: broker.brokers[0],
    GATEPOST_KAFKA_TOPIC_PREFIX: `${broker.prefix}cli.`,
    GATEPOST_KAFKA_REPLICATION: '1',
    GATEPOST_KAFKA_PARTITIONS: '1',
  }
  const before = await runCli(['topics', 'check'], env)
  t.equal(before.status, 1)
  t.match(before.stderr, /error: t[0-9a-f]+\.cli\.pings: the topic does not exist[^]*to repair: gatepost topics create/)
  const created = await runCli(['topics', 'create'], env)
  t.equal(created.status, 0)
  t.match(created.stdout, /cli\.pings: created with 1 partition, 1 of each/)
  const check = await runCli(['topics', 'check', '--json'], env)
  t.equal(check.status, 0)
  t.same(JSON.parse(check.stdout), { ok: true, problems: [] })
  const shown = await runCli(['topics', '--json'], env)
  t.match(JSON.parse(shown.stdout), [
    { topic: `${broker.prefix}cli.post-auth`, exists: true, partitions: 1, problems: [] },
  ])
  t.match((await runCli(['topics'], env)).stdout, /cli\.access-control +1 +1 +1 +compact/)

  const wrong = await runCli(['topics', 'check'], { ...env, GATEPOST_KAFKA_SASL: 'plain' })
  t.equal(wrong.status, 2)
  t.match(wrong.stderr, /GATEPOST_KAFKA_USERNAME is not set/)
  t.match((await runCli(['topics'], {})).stderr, /GATEPOST_KAFKA_BROKERS is not set/)
})

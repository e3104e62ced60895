import t from 'tap'
import { freePorts } from '../../../test/helpers/instance.ts'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { withAdmin } from '../client/admin.ts'
import { assertTopics, checkTopics, createTopics, showTopics, type TopicsOptions } from '../topics.ts'

const DAY_MS = 86_400_000
const broker = await sharedBroker(t)

/** Used by this file alone. */
const named = (name: string) => broker.prefix + name

function rules(name: string, overrides: Partial<TopicsOptions> = {}): TopicsOptions {
  const topicPrefix = named(name)
  return { kafka: broker.options(), topicPrefix, partitions: 2, replication: 1, retentionMs: 7 * DAY_MS, ...overrides }
}

t.test('missing topics are named with the command that creates them; created topics pass the check', async (t) => {
  const options = rules('made.')
  await t.rejects(assertTopics(options), {
    code: 'LOG_MISCONFIGURED',
    message: /made\.post-auth: the topic does not exist\n[^]*to repair: gatepost topics create/,
  })
  const { done, left } = await createTopics(options)
  t.equal(done.length, 7)
  t.same(left, [])
  t.same(await assertTopics(options), [])
  t.same((await createTopics(options)).done, [], 'again: nothing to do')
  const reports = await showTopics(options)
  const setting = (topic: string, name: string) =>
    reports.find(({ wanted }) => wanted.name === topic)?.state?.settings.get(name)
  t.equal(setting(named('made.pings'), 'retention.ms'), String(7 * DAY_MS))
  t.equal(setting(named('made.pings'), 'unclean.leader.election.enable'), 'false')
  t.equal(setting(named('made.access-control'), 'cleanup.policy'), 'compact')
  t.equal(reports.find(({ wanted }) => wanted.name === named('made.access-control'))?.state?.partitions, 1)
})

t.test('wrong settings are found and repaired, other settings of the topic stay', async (t) => {
  const options = rules('repaired.')
  await createTopics(options)
  await withAdmin(broker.options(), (admin) =>
    admin.changeSettings(named('repaired.pings'), {
      'max.message.bytes': '1000000',
      'retention.ms': '3600000',
      'retention.bytes': '5000000',
      'unclean.leader.election.enable': 'true',
      'segment.bytes': '100000000',
    }),
  )
  const wider = { ...options, partitions: 3 }
  const problems = (await checkTopics(wider)).filter(({ topic }) => topic === named('repaired.pings'))
  t.match(
    problems.map(({ problem }) => problem.replace(/ (is|partitions).*/, '')),
    ['2', 'unclean.leader.election.enable', 'retention.ms', 'retention.bytes', 'max.message.bytes'],
  )
  await t.rejects(assertTopics(wider), {
    code: 'LOG_MISCONFIGURED',
    message: /max\.message\.bytes is 1000000, must be at least 1572864/,
  })
  const { left } = await createTopics(wider)
  t.same(left, [])
  const pings = (await showTopics(wider)).find(({ wanted }) => wanted.name === named('repaired.pings'))
  t.equal(pings?.state?.partitions, 3)
  t.equal(pings?.state?.settings.get('segment.bytes'), '100000000')
})

t.test(
  'too few replicas cannot be repaired, too many cannot be created: both are reported with the reason',
  async (t) => {
    await createTopics(rules('copies.'))
    const three = rules('copies.', { replication: 3 })
    await t.rejects(assertTopics(three), {
      code: 'LOG_MISCONFIGURED',
      message:
        /copies\.post-auth: 1 copies instead of 3 \(change it with kafka-reassign-partitions, .* GATEPOST_KAFKA_REPLICATION/,
    })
    await t.rejects(createTopics(rules('impossible.', { replication: 3 })), {
      code: 'LOG_MISCONFIGURED',
      message: /cannot create \S+\.impossible\.post-auth: .*with a single broker set GATEPOST_KAFKA_REPLICATION=1/,
    })
  },
)

t.test('offsets that expire before records cause a warning', async (t) => {
  const options = rules('offsets.', { retentionMs: 30 * DAY_MS })
  await createTopics(options)
  t.match(await assertTopics(options), [{ topic: 'brokers', level: 'warning', problem: /offsets.retention.minutes/ }])
})

t.test('no broker at the address: LOG_UNAVAILABLE that names the variable', async (t) => {
  const [port] = await freePorts(1)
  const kafka = broker.options('test', { brokers: [`127.0.0.1:${port}`] })
  await t.rejects(checkTopics(rules('x.', { kafka })), {
    code: 'LOG_UNAVAILABLE',
    message: /no Kafka broker answers at 127\.0\.0\.1:\d+: .*ECONNREFUSED.*GATEPOST_KAFKA_BROKERS/,
  })
  const mixed = broker.options('test', { brokers: [`127.0.0.1:${port}`, ...broker.brokers] })
  await t.resolves(checkTopics(rules('x.', { kafka: mixed })), 'one of several is enough')
})

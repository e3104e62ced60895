import t, { type Test } from 'tap'
import { singleBroker } from '../../test/helpers/kafka.ts'
import { until } from '../../test/helpers/until.ts'
import { accessContract } from './contract.ts'
import type { AccessEntry } from '../log.ts'
import { KafkaAccessLog } from '../kafka-log.ts'
import { KeyedWriter } from '../../log/kafka/client/keyed-writer.ts'
import { makeTopics } from '../../log/kafka/client/test/operator.ts'
import { accessControlTopic } from '../../log/kafka/topic-names.ts'

const broker = await singleBroker(t)
const kafka = broker.options()
let made = 0

async function makeTopic(): Promise<string> {
  const prefix = `t${++made}.`
  await makeTopics(kafka, [
    { name: accessControlTopic(prefix), partitions: 1, settings: { 'cleanup.policy': 'compact' } },
  ])
  return prefix
}

async function open(t: Test, topicPrefix: string, fingerprints = ['f1']): Promise<KafkaAccessLog> {
  const log = KafkaAccessLog.open({ kafka, topicPrefix, fingerprints, logger: kafka.logger })
  t.teardown(() => log.close())
  await log.ready
  return log
}

function deny(reason: string, until: number | null = null): AccessEntry {
  return { verdict: 'deny', reason, until, updatedAt: Date.now() }
}

t.test('contract', async (t) => {
  const prefix = await makeTopic()
  accessContract(t, (t) => open(t, prefix))
})

t.test('a reader knows all earlier decisions once it is open, and follows later ones', async (t) => {
  const prefix = await makeTopic()
  const now = Date.now()
  const writer = await open(t, prefix)
  await writer.put('mac:50-A6-7F-84-9C-D1', deny('abuse'))
  await writer.put('session:over', deny('over', now - 1))
  await writer.put('session:gone', deny('gone'))
  await writer.put('session:gone', null)

  const reader = await open(t, prefix)
  t.equal(reader.known, true)
  t.match(reader.get('mac:50-A6-7F-84-9C-D1', now), { verdict: 'deny', reason: 'abuse', until: null })
  t.equal(reader.get('session:over', now), undefined, 'no longer in force')
  t.match(reader.get('session:over', now - 2), { reason: 'over' })
  t.equal(reader.get('session:gone', now), undefined)
  t.equal(reader.get('session:unknown', now), undefined)

  await writer.put('account:someone', deny('quota'))
  await until(() => reader.get('account:someone', now) !== undefined)
  t.match(reader.get('account:someone', now), { reason: 'quota' })
  await writer.put('account:someone', null)
  await until(() => reader.get('account:someone', now) === undefined)
  t.equal(reader.get('account:someone', now), undefined)
})

t.test('a process with another secret is refused, and the first secret stays in force', async (t) => {
  const prefix = await makeTopic()
  await open(t, prefix, ['first'])
  const other = KafkaAccessLog.open({ kafka, topicPrefix: prefix, fingerprints: ['other'], logger: kafka.logger })
  t.teardown(() => other.close())
  await t.rejects(other.ready, { code: 'CONFIG_INVALID', message: /GATEPOST_SECRET/ })
  t.equal(other.known, false)
  t.equal((await open(t, prefix, ['first'])).known, true)
})

t.test(
  'records of a later format are not used: a process that starts is refused, a running one knows no decisions',
  async (t) => {
    const prefix = await makeTopic()
    const running = await open(t, prefix)
    const writer = new KeyedWriter(kafka, accessControlTopic(prefix))
    t.teardown(() => writer.close())
    // As 0.1.0 wrote it.
    await writer.write('secret:f1', Buffer.from('{}'))
    await open(t, prefix)
    await writer.write('secret:f1', Buffer.from('{"format":2,"gatepost":"99.0.0"}'))
    await until(() => !running.known)
    t.equal(running.known, false)
    await t.rejects(open(t, prefix), {
      code: 'DATA_FORMAT_LATER',
      message: /has format 2 and was written by Gatepost 99\.0\.0; this is .*: install 99\.0\.0 or later/,
    })
  },
)

t.test('two processes that start first at the same time agree on one secret', async (t) => {
  const prefix = await makeTopic()
  const logs = ['a', 'b'].map((fingerprint) =>
    KafkaAccessLog.open({ kafka, topicPrefix: prefix, fingerprints: [fingerprint], logger: kafka.logger }),
  )
  t.teardown(() => Promise.all(logs.map((log) => log.close())))
  const outcomes = await Promise.allSettled(logs.map((log) => log.ready))
  t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

t.test('messages that are not decisions are skipped and counted', async (t) => {
  const prefix = await makeTopic()
  const writer = new KeyedWriter(kafka, accessControlTopic(prefix))
  const values = ['', 'not json', '[]', '{"verdict":"maybe","updated_at":1}', '{"verdict":"deny"}']
  for (const value of values) await writer.write('mac:x', Buffer.from(value))
  await writer.close()
  const log = await open(t, prefix)
  t.equal(log.malformed, values.length)
  t.equal(log.get('mac:x', 0), undefined)
})

t.test('unavailable brokers are waited for, at the start and later', async (t) => {
  const prefix = await makeTopic()
  const writer = await open(t, prefix)
  await writer.put('mac:a', deny('before'))
  await broker.kill(0)
  const log = KafkaAccessLog.open({ kafka, topicPrefix: prefix, fingerprints: ['f1'], logger: kafka.logger })
  t.teardown(() => log.close())
  await t.rejects(writer.put('mac:b', deny('meanwhile')), { code: 'LOG_UNAVAILABLE' })
  t.equal(log.known, false)
  t.equal(writer.known, true, 'known decisions are still in force')
  await broker.restart(0)
  await log.ready
  t.match(log.get('mac:a', 0), { reason: 'before' })
  await writer.put('mac:c', deny('after'))
  await until(() => log.get('mac:c', 0) !== undefined && writer.get('mac:c', 0) !== undefined)
  t.match([log.get('mac:c', 0), writer.get('mac:c', 0)], [{ reason: 'after' }, { reason: 'after' }])
})

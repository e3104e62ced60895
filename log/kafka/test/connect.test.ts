import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { singleBroker, type KafkaCluster } from '../../../test/helpers/kafka.ts'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { withAdmin } from '../client/admin.ts'
import { KafkaWriter } from '../writer.ts'
import { makeTopics, nextBatch, writerOptions } from './harness.ts'

const user = { username: 'gatepost', password: 'a-test-password' }
const broker = await singleBroker(t, { sasl: user, tls: true })
const list = (overrides: Parameters<KafkaCluster['options']>[1]) =>
  withAdmin(broker.options('test', overrides), (admin) => admin.topicNames())

t.test('PLAIN and SCRAM over TLS', async (t) => {
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    t.same(await list({ sasl: { mechanism, ...user } }), [], mechanism)
  }
})

t.test('the writer logs in with SCRAM over TLS', async (t) => {
  const { kafka, ...options } = writerOptions(broker, 'login.', t.testdir())
  await makeTopics(broker, 'login.')
  const sasl = { mechanism: 'scram-sha-512', ...user } as const
  const writer = await KafkaWriter.open({ ...options, kafka: { ...kafka, sasl } })
  await writer.append(nextBatch(writer, 'over TLS'))
  t.match(writer.stats, { acked: 1, spilled: { failed: 0, timeout: 0 } })
  await writer.close()
  const wrong = { ...kafka, sasl: { ...sasl, password: 'wrong' } }
  const refused = await KafkaWriter.open({ ...options, kafka: wrong }).catch((error: unknown) => error)
  t.match(refused, { code: 'LOG_UNAVAILABLE', message: /refuse the login/ }, 'even if it once worked')
})

t.test('a wrong password: the message names the user, never the password', async (t) => {
  for (const mechanism of ['plain', 'scram-sha-256'] as const) {
    const error = await list({ sasl: { mechanism, ...user, password: 'wrong-secret' } }).catch(
      (e: unknown) => e as Error,
    )
    t.match(error, { code: 'LOG_UNAVAILABLE', message: /refuse the login of gatepost: .*GATEPOST_KAFKA_PASSWORD/ })
    t.notMatch(String(error), /wrong-secret/)
  }
})

t.test('no login, no TLS, an unknown certificate: each message says what to check', async (t) => {
  await t.rejects(list({ sasl: null }), {
    code: 'LOG_UNAVAILABLE',
    message: /close the connection: .*GATEPOST_KAFKA_TLS and GATEPOST_KAFKA_SASL/,
  })
  await t.rejects(list({ tls: null }), {
    code: 'LOG_UNAVAILABLE',
    message: /GATEPOST_KAFKA_TLS/,
  })
  await t.rejects(list({ tls: {} }), {
    code: 'LOG_UNAVAILABLE',
    message: /certificate of the Kafka brokers .* is not trusted: .*GATEPOST_KAFKA_TLS_CA/,
  })
  const directory = t.testdir()
  const key = join(directory, 'ca.key')
  const ca = join(directory, 'ca.crt')
  const arguments_ = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', ca, '-subj', '/CN=other']
  execFileSync('openssl', arguments_, { stdio: 'ignore' })
  await t.rejects(list({ tls: { ca: readFileSync(ca, 'utf8') } }), {
    code: 'LOG_UNAVAILABLE',
    message: /is not trusted/,
  })
})

t.test('TLS to a port without TLS', async (t) => {
  const plain = await sharedBroker(t)
  await t.rejects(
    withAdmin(plain.options('test', { tls: {} }), (admin) => admin.topicNames()),
    { code: 'LOG_UNAVAILABLE', message: /GATEPOST_KAFKA_(TLS|BROKERS)/ },
  )
})

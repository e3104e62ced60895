import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { cleanEnv } from '../helpers/clean-env.ts'
import { singleBroker } from '../helpers/kafka.ts'
import { makeBatch, payloadsOf, readBatches } from '../../log/test/contract.ts'
import type { Consumed } from '../../log/kafka/client/test/consume.ts'
import { partitionOf } from '../../log/kafka/message.ts'
import { KafkaReader } from '../../log/kafka/reader.ts'
import { KafkaWriter } from '../../log/kafka/writer.ts'
import { consume, identities, makeTopics, nextBatch, until, writerOptions } from '../../log/kafka/test/harness.ts'
import { SimpleWriter } from '../../log/kafka/test/simple-writer.ts'

/* Writers and readers while the broker hangs or is unavailable. */

const broker = await singleBroker(t)
const id = ({ batchId }: { batchId: Buffer }) => batchId.toString('hex')
const partitions = (messages: readonly Consumed[]) =>
  messages.map(({ headers, partition }) => [headers['batch'], partition] as const)

t.test(
  'a broker that hangs: batches are durable in the spill, and in Kafka with the same identity when it continues',
  async (t) => {
    await makeTopics(broker, 'hang.')
    const writer = await KafkaWriter.open(writerOptions(broker, 'hang.', t.testdir()))
    t.teardown(() => writer.close())
    const sent = [nextBatch(writer, 'before')]
    await writer.append(sent[0])
    await broker.kill(0, 'SIGSTOP')
    try {
      for (let number = 0; number < 20; number++) {
        const batch = nextBatch(writer, `hanging ${number}`)
        await writer.append(batch)
        sent.push(batch)
      }
    } finally {
      await broker.kill(0, 'SIGCONT')
    }
    t.ok(writer.stats.spilled.timeout >= 1, 'some waited for a second')
    t.ok(writer.stats.spilled.circuit >= 10, 'most were not')
    const messages = await consume(broker, 'hang.dead-letters', sent.length)
    t.same([...identities(messages)].sort(), sent.map(id).sort())
    for (const [batch, partition] of partitions(messages))
      t.equal(partition, partitionOf(Buffer.from(batch, 'hex')), 'in the partition of its identity')
    await until(() => writer.failingPartitions === 0, 'partitions work')
    await writer.append(nextBatch(writer, 'after'))
    t.equal(writer.stats.acked, 2)
    t.equal(writer.stats.refused, 0)
  },
)

t.test('a broker that was killed and comes back', async (t) => {
  await makeTopics(broker, 'killed.')
  const writer = await KafkaWriter.open(writerOptions(broker, 'killed.', t.testdir()))
  t.teardown(() => writer.close())
  const sent: string[] = []
  const append = async (name: string) => {
    const batch = nextBatch(writer, name)
    await writer.append(batch)
    sent.push(id(batch))
  }
  await append('before')
  await broker.kill(0)
  for (let number = 0; number < 50; number++) await append(`away ${number}`)
  t.ok(writer.spill.usedBytes > 0)
  await broker.restart(0)
  t.same([...identities(await consume(broker, 'killed.dead-letters', 51))].sort(), sent.sort())
  await until(() => writer.failingPartitions === 0 && writer.stats.resent >= 50, 'the spill is empty')
  await append('after')
  t.equal(writer.stats.acked, 2)
})

t.test('the spill is full: batches are refused, and do not appear in Kafka later', async (t) => {
  await makeTopics(broker, 'full.')
  const writer = await KafkaWriter.open(writerOptions(broker, 'full.', t.testdir(), { maxBytes: 40_000 }))
  t.teardown(() => writer.close())
  await broker.kill(0)
  const kept: string[] = []
  let refused = 0
  try {
    for (let number = 0; number < 60; number++) {
      const batch = nextBatch(writer, `${number} ${'x'.repeat(2000)}`)
      await writer.append(batch).then(
        () => kept.push(id(batch)),
        (error: unknown) => {
          refused++
          t.match(error, {
            code: 'LOG_FULL',
            message: /neither does the spill: .*has reached its limit of 40000 bytes/,
          })
        },
      )
    }
  } finally {
    await broker.restart(0)
  }
  t.ok(kept.length >= 5 && refused >= 20, `${kept.length} kept, ${refused} refused`)
  t.same([...identities(await consume(broker, 'full.dead-letters', kept.length))].sort(), kept.sort())
})

t.test('the spill is full and a send has no answer: the outcome is unknown', async (t) => {
  await makeTopics(broker, 'unknown.')
  const writer = await KafkaWriter.open(writerOptions(broker, 'unknown.', t.testdir(), { maxBytes: 1 }))
  t.teardown(() => writer.close())
  await writer.append(nextBatch(writer, 'before'))
  await broker.kill(0, 'SIGSTOP')
  try {
    await t.rejects(writer.append(nextBatch(writer, 'unknown')), { code: 'LOG_OUTCOME_UNKNOWN' })
  } finally {
    await broker.kill(0, 'SIGCONT')
  }
})

t.test(
  'a process is killed with a spill: its successor starts even during an outage, and resends the spill',
  async (t) => {
    await makeTopics(broker, 'death.')
    const directory = t.testdir()
    const file = packageFile('dist/log/kafka/test/write-until-killed.js')
    const arguments_ = ['-u', 'NODE_OPTIONS', process.execPath, file, broker.brokers.join(','), 'death.', directory]
    const child = spawn('env', arguments_, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: cleanEnv() })
    t.teardown(() => child.kill('SIGKILL'))
    const acknowledged = new Set<string>()
    let spilled = 0
    child.on('message', (message: { id: string; spilled: number }) => {
      acknowledged.add(message.id)
      spilled = message.spilled
    })
    await until(() => acknowledged.size >= 10, 'the child writes')
    await broker.kill(0)
    await until(() => spilled >= 20, 'the child spills')
    child.kill('SIGKILL')
    await once(child, 'exit')

    const writer = await KafkaWriter.open(writerOptions(broker, 'death.', directory))
    t.teardown(() => writer.close())
    const batch = nextBatch(writer, 'of the successor')
    await writer.append(batch)
    acknowledged.add(id(batch))
    await broker.restart(0)
    const found = identities(await consume(broker, 'death.dead-letters', acknowledged.size))
    for (const one of acknowledged) t.ok(found.has(one), one)
  },
)

t.test('a broker that fails and comes back is waited for', async (t) => {
  const kafka = broker.options()
  await makeTopics(broker, 'read.')
  const writer = new SimpleWriter(kafka, 'read.')
  const reader = await KafkaReader.open({ kafka, topicPrefix: 'read.', group: 'read', logger: kafka.logger })
  await writer.append(makeBatch(['before']))
  const { gathers } = await readBatches(reader, 1)
  await reader.commit(gathers[0])
  await writer.close()
  await broker.kill(0)
  await sleep(1000)
  await broker.restart(0)
  const after = new SimpleWriter(kafka, 'read.')
  await after.append(makeBatch(['after']))
  t.same((await readBatches(reader, 1)).batches.flatMap(payloadsOf), ['after'])
  t.equal(reader.stats.positionAlarms, 0)
  await after.close()
  await reader.close()
})

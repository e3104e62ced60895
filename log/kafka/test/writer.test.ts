import avro from 'avsc'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../../common/package-root.ts'
import { cleanEnv } from '../../../test/helpers/clean-env.ts'
import { singleBroker } from '../../../test/helpers/kafka.ts'
import { lockDirectory } from '../../../common/directory-lock.ts'
import { makeDirectory } from '../../journal/disk.ts'
import { SLOT_LOCK, slotDirectory } from '../../journal/layout.ts'
import { JournalWriter } from '../../journal/writer.ts'
import { makeBatch } from '../../test/contract.ts'
import { withAdmin } from '../client/admin.ts'
import type { Consumed } from '../client/test/consume.ts'
import { deleteTopic } from '../client/test/operator.ts'
import { partitionOf } from '../message.ts'
import { KafkaWriter } from '../writer.ts'
import { consume, identities, logger, makeTopics, nextBatch, until, writerOptions } from './harness.ts'

const broker = await singleBroker(t)
const id = ({ batchId }: { batchId: Buffer }) => batchId.toString('hex')
const partitions = (messages: readonly Consumed[]) =>
  messages.map(({ headers, partition }) => [headers['batch'], partition] as const)

t.test('a message is a container file that avsc reads; headers say what it holds; partitions take turns', async (t) => {
  await makeTopics(broker, 'bytes.', { partitions: 3 })
  const writer = await KafkaWriter.open(writerOptions(broker, 'bytes.', t.testdir()))
  const sent = []
  for (let number = 0; number < 6; number++) {
    const batch = nextBatch(writer, `payload ${number}`)
    await writer.append(batch)
    sent.push(batch)
  }
  await writer.close()
  t.match(writer.stats, { appended: 6, acked: 6, refused: 0 })
  const messages = await consume(broker, 'bytes.dead-letters', 6)
  t.same([...identities(messages)].sort(), sent.map(id).sort())
  t.same(new Set(messages.map(({ partition }) => partition)), new Set([0, 1, 2]))
  for (const { partition, headers, value } of messages) {
    const batch = sent.find((each) => id(each) === headers['batch'])
    t.equal(partition, partitionOf(batch?.batchId as Buffer))
    const decoder = Readable.from([value]).pipe(new avro.streams.BlockDecoder()) as AsyncIterable<{ payload: string }>
    const payloads: string[] = []
    for await (const record of decoder) payloads.push(record.payload)
    t.same(payloads, [`payload ${sent.indexOf(batch as never)}`])
    t.equal(headers['records'], '1')
  }
})

t.test('appends to one partition that are acknowledged one after the other stand in that order', async (t) => {
  await makeTopics(broker, 'order.', { partitions: 1 })
  const writer = await KafkaWriter.open(writerOptions(broker, 'order.', t.testdir()))
  const sent: string[] = []
  for (let number = 0; number < 20; number++) {
    const batch = nextBatch(writer, String(number))
    await writer.append(batch)
    sent.push(id(batch))
  }
  await writer.close()
  t.same(
    (await consume(broker, 'order.dead-letters', 20)).map(({ headers }) => headers['batch']),
    sent,
  )
  await t.rejects(writer.append(makeBatch(['late'])), { code: 'LOG_CLOSED' })
})

t.test('a broker that hangs: durable in the spill, and in Kafka under the same identity when it goes on', async (t) => {
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
  t.ok(writer.stats.spilled.circuit >= 10, 'most did not')
  const messages = await consume(broker, 'hang.dead-letters', sent.length)
  t.same([...identities(messages)].sort(), sent.map(id).sort())
  for (const [batch, partition] of partitions(messages))
    t.equal(partition, partitionOf(Buffer.from(batch, 'hex')), 'in the partition of its identity')
  await until(() => writer.failingPartitions === 0, 'partitions work')
  await writer.append(nextBatch(writer, 'after'))
  t.equal(writer.stats.acked, 2)
  t.equal(writer.stats.refused, 0)
})

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

t.test('the spill is full: refused, and nothing of it is in Kafka later', async (t) => {
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
          t.match(error, { code: 'LOG_FULL', message: /nor does the spill: .*at its bound of 40000 bytes/ })
        },
      )
    }
  } finally {
    await broker.restart(0)
  }
  t.ok(kept.length >= 5 && refused >= 20, `${kept.length} kept, ${refused} refused`)
  t.same([...identities(await consume(broker, 'full.dead-letters', kept.length))].sort(), kept.sort())
})

t.test('the spill is full and a send has no answer: unknown', async (t) => {
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

t.test('a process that is killed with a spill: its successor sends it, during an outage it starts too', async (t) => {
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
})

t.test('the spill of a dead worker is adopted, that of a living one is not', async (t) => {
  await makeTopics(broker, 'adopt.')
  const directory = t.testdir()
  const spilled = async (slot: number) => {
    const path = slotDirectory(join(directory, 'spill'), slot)
    await makeDirectory(path)
    const options = { directory: path, maxBytes: 2 ** 20, segmentMaxBytes: 2 ** 20, sealAfterMs: 100, logger }
    const journal = await JournalWriter.open(options)
    const batchId = randomBytes(16)
    batchId.writeUInt16BE(1, 8)
    const batch = makeBatch([`of slot ${slot}`], Date.now(), 'dead_letters', batchId)
    await journal.append(batch)
    await journal.close()
    return { batch, path }
  }
  const dead = await spilled(7)
  const alive = await spilled(8)
  const lock = await lockDirectory(alive.path, SLOT_LOCK)
  const writer = await KafkaWriter.open(writerOptions(broker, 'adopt.', directory))
  t.teardown(() => writer.close())
  await until(() => writer.stats.resent === 1, 'adopted and sent')
  t.equal(writer.stats.adoptedSegments, 1)
  t.same([...identities(await consume(broker, 'adopt.dead-letters', 1))], [id(dead.batch)])
  await lock.release()
  await until(() => writer.stats.resent === 2, 'adopted when its worker has gone')
})

t.test(
  'a topic whose limit is too small, or that is gone: nothing is lost, what is stuck holds nobody back',
  async (t) => {
    await makeTopics(broker, 'small.', { partitions: 1 })
    const setLimit = (value: string) =>
      withAdmin(broker.options(), (admin) => admin.changeSettings('small.dead-letters', { 'max.message.bytes': value }))
    await setLimit('20000')
    const writer = await KafkaWriter.open(writerOptions(broker, 'small.', t.testdir()))
    t.teardown(() => writer.close())
    const large = nextBatch(writer, 'x'.repeat(30_000))
    const sent = [large, nextBatch(writer, 'small'), nextBatch(writer, 'small too')]
    for (const batch of sent) await writer.append(batch)
    t.match(writer.stats, { acked: 2, refused: 0, spilled: { failed: 1 } })
    t.equal((await consume(broker, 'small.dead-letters', 2)).length, 2)
    await setLimit('4000000')
    await until(() => writer.stats.resent === 1, 'the large one is sent')

    await deleteTopic(broker.options(), 'small.dead-letters')
    const orphan = nextBatch(writer, 'while there is no topic')
    await writer.append(orphan)
    t.equal(writer.stats.refused, 0)
    await makeTopics(broker, 'small.', { partitions: 1 })
    t.ok(identities(await consume(broker, 'small.dead-letters', 1)).has(id(orphan)))
  },
)

t.test('a start without Kafka: refused, unless it was there at an earlier one', async (t) => {
  const options = writerOptions(broker, 'start.', t.testdir())
  const wrong = { ...options, kafka: { ...options.kafka, brokers: ['127.0.0.1:1'] } }
  await t.rejects(KafkaWriter.open(wrong), { code: 'LOG_UNAVAILABLE' })
  await t.rejects(KafkaWriter.open(options), { code: 'LOG_MISCONFIGURED', message: /start\.post-auth.*topics create/ })
})

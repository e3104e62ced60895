import avro from 'avsc'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { join } from 'node:path'
import t from 'tap'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { lockDirectory } from '../../../common/directory-lock.ts'
import { makeDirectory } from '../../journal/disk.ts'
import { SLOT_LOCK, slotDirectory } from '../../journal/layout.ts'
import { JournalWriter } from '../../journal/writer.ts'
import { makeBatch } from '../../test/contract.ts'
import { withAdmin } from '../client/admin.ts'
import { deleteTopic } from '../client/test/operator.ts'
import { partitionOf } from '../message.ts'
import { KafkaWriter } from '../writer.ts'
import { consume, identities, logger, makeTopics, nextBatch, until, writerOptions } from './harness.ts'

const broker = await sharedBroker(t)
/** Topics of this file alone. */
const own = (name: string) => broker.prefix + name
const id = ({ batchId }: { batchId: Buffer }) => batchId.toString('hex')

t.test('a message is a container file that avsc reads; headers say what it holds; partitions take turns', async (t) => {
  await makeTopics(broker, own('bytes.'), { partitions: 3 })
  const writer = await KafkaWriter.open(writerOptions(broker, own('bytes.'), t.testdir()))
  const sent = []
  for (let number = 0; number < 6; number++) {
    const batch = nextBatch(writer, `payload ${number}`)
    await writer.append(batch)
    sent.push(batch)
  }
  await writer.close()
  t.match(writer.stats, { appended: 6, acked: 6, refused: 0 })
  const messages = await consume(broker, own('bytes.dead-letters'), 6)
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

t.test('appends to one partition that are acknowledged one after the other are in that order', async (t) => {
  await makeTopics(broker, own('order.'), { partitions: 1 })
  const writer = await KafkaWriter.open(writerOptions(broker, own('order.'), t.testdir()))
  const sent: string[] = []
  for (let number = 0; number < 20; number++) {
    const batch = nextBatch(writer, String(number))
    await writer.append(batch)
    sent.push(id(batch))
  }
  await writer.close()
  t.same(
    (await consume(broker, own('order.dead-letters'), 20)).map(({ headers }) => headers['batch']),
    sent,
  )
  await t.rejects(writer.append(makeBatch(['late'])), { code: 'LOG_CLOSED' })
})

t.test('the spill of a dead worker is adopted, the spill of a living one is not', async (t) => {
  await makeTopics(broker, own('adopt.'))
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
  const writer = await KafkaWriter.open(writerOptions(broker, own('adopt.'), directory))
  t.teardown(() => writer.close())
  await until(() => writer.stats.resent === 1, 'adopted and sent')
  t.equal(writer.stats.adoptedSegments, 1)
  t.same([...identities(await consume(broker, own('adopt.dead-letters'), 1))], [id(dead.batch)])
  await lock.release()
  await until(() => writer.stats.resent === 2, 'adopted when its worker has ended')
})

t.test(
  'a topic with too small a limit, or a deleted topic: nothing is lost, and other batches are not blocked',
  async (t) => {
    await makeTopics(broker, own('small.'), { partitions: 1 })
    const setLimit = (value: string) =>
      withAdmin(broker.options(), (admin) =>
        admin.changeSettings(own('small.dead-letters'), { 'max.message.bytes': value }),
      )
    await setLimit('20000')
    const writer = await KafkaWriter.open(writerOptions(broker, own('small.'), t.testdir()))
    t.teardown(() => writer.close())
    const large = nextBatch(writer, 'x'.repeat(30_000))
    const sent = [large, nextBatch(writer, 'small'), nextBatch(writer, 'small too')]
    for (const batch of sent) await writer.append(batch)
    t.match(writer.stats, { acked: 2, refused: 0, spilled: { failed: 1 } })
    t.equal((await consume(broker, own('small.dead-letters'), 2)).length, 2)
    await setLimit('4000000')
    await until(() => writer.stats.resent === 1, 'the large one is sent')

    await deleteTopic(broker.options(), own('small.dead-letters'))
    const orphan = nextBatch(writer, 'while the topic does not exist')
    await writer.append(orphan)
    t.equal(writer.stats.refused, 0)
    await makeTopics(broker, own('small.'), { partitions: 1 })
    t.ok(identities(await consume(broker, own('small.dead-letters'), 1)).has(id(orphan)))
  },
)

t.test('a start without Kafka, or without its topics, is refused', async (t) => {
  const options = writerOptions(broker, own('start.'), t.testdir())
  const wrong = { ...options, kafka: { ...options.kafka, brokers: ['127.0.0.1:1'] } }
  await t.rejects(KafkaWriter.open(wrong), { code: 'LOG_UNAVAILABLE' })
  await t.rejects(KafkaWriter.open(options), { code: 'LOG_MISCONFIGURED', message: /start\.post-auth.*topics create/ })
})

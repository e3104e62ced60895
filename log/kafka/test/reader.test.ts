import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { until } from '../../../test/helpers/until.ts'
import type { Gathered } from '../../contract.ts'
import type { Batch } from '../../../schemas/batch.ts'
import { makeBatch, payloadsOf, readBatches } from '../../test/contract.ts'
import { remakeTopic, setOffsets } from '../client/test/operator.ts'
import { KafkaReader, type KafkaReaderOptions } from '../reader.ts'
import { STREAMS } from '../../../schemas/streams/index.ts'
import { kafkaTopic } from '../topic-names.ts'
import { makeTopics, SimpleWriter } from './simple-writer.ts'

const broker = await sharedBroker(t)
const kafka = broker.options()
let made = 0

/** Topics of the test's own, with a writer. */
async function log(partitions = 1) {
  const prefix = `${broker.prefix}${++made}.`
  await makeTopics(kafka, prefix, partitions)
  const writer = new SimpleWriter(kafka, prefix)
  const open = (options: Partial<KafkaReaderOptions> = {}) =>
    KafkaReader.open({ kafka, topicPrefix: prefix, group: `group-${prefix}`, logger: kafka.logger, ...options })
  return { prefix, topic: kafkaTopic(prefix, 'dead_letters'), group: `group-${prefix}`, writer, open }
}

async function commitAll(reader: KafkaReader, gathers: readonly Gathered[]): Promise<void> {
  for (const gathered of gathers) await reader.commit(gathered)
}

const batchesOf = (...names: string[]): Batch[] => names.map((name) => makeBatch([name]))

t.test('a committed offset that was moved raises an alarm, and the whole partition is read again', async (t) => {
  const { writer, open, topic, group } = await log()
  for (const batch of batchesOf('a', 'b', 'c', 'd')) await writer.append(batch)
  const first = await open()
  const { gathers } = await readBatches(first, 4)
  await commitAll(first, gathers)
  t.equal(first.stats.positionAlarms, 0)
  await first.close()

  for (const offset of [4, 2, 0, 99]) {
    await setOffsets(kafka, group, [topic], offset)
    const reader = await open()
    t.same((await readBatches(reader, 4)).batches.flatMap(payloadsOf), ['a', 'b', 'c', 'd'], `set to ${offset}`)
    t.equal(reader.stats.positionAlarms, 1)
    await reader.close()
  }
  await writer.close()
})

t.test('a topic that was deleted and created again is read from its beginning', async (t) => {
  const { writer, open, topic } = await log()
  for (const batch of batchesOf('a', 'b', 'c')) {
    await writer.append(batch)
    await sleep(10)
  }
  const reader = await open({ checkEveryMs: 200, verifyEveryMs: 200 })
  await commitAll(reader, (await readBatches(reader, 3)).gathers)
  await sleep(2000)

  await remakeTopic(kafka, topic, { partitions: 1, replication: 1 })
  const write = async (...payloads: string[]) => {
    for (const batch of batchesOf(...payloads)) {
      while (
        !(await writer.append(batch).then(
          () => true,
          () => false,
        ))
      )
        await sleep(100)
    }
  }
  // More messages than before: all of them are read, whether or not the new topic was detected in between.
  await write('e', 'f', 'g', 'h', 'i')
  const read = new Set<string>()
  await until(async () => {
    const gathered = await reader.read('dead_letters', 1e6)
    for (const payload of gathered?.batches.flatMap(payloadsOf) ?? []) read.add(payload)
    if (gathered !== null) await reader.commit(gathered)
    return read.size === 5
  })
  t.same([...read].sort(), ['e', 'f', 'g', 'h', 'i'])
  await reader.close()
  await writer.close()
})

t.test('a topic that was away for a while takes the committed offset with it, which raises an alarm', async (t) => {
  const { writer, open, topic } = await log()
  await writer.append(makeBatch(['a']))
  const reader = await open()
  await commitAll(reader, (await readBatches(reader, 1)).gathers)
  const noticed = () => until(() => reader.stats.restarts > 0).then((isSo) => void t.ok(isSo, 'noticed'))
  await remakeTopic(kafka, topic, { partitions: 1, replication: 1 }, noticed)
  // As many as before: offsets look as if the log went on.
  const written = () => writer.append(makeBatch(['b'])).then(() => true)
  t.ok(await until(written, 100))
  t.same((await readBatches(reader, 1)).batches.flatMap(payloadsOf), ['b'])
  t.equal(reader.stats.positionAlarms, 1)
  await reader.close()
  await writer.close()
})

t.test('two readers share the partitions, and one takes over from the other', async (t) => {
  const { writer, open } = await log(4)
  const first = await open()
  const second = await open()
  const partitions = () => [first, second].map(({ stats }) => stats.partitions)
  const half = 2 * STREAMS.length
  while (partitions().join() !== `${half},${half}`) await sleep(50)

  for (let partition = 0; partition < 4; partition++) await writer.append(makeBatch([String(partition)]), partition)
  const mine = await readBatches(first, 2)
  const others = await readBatches(second, 2)
  t.same(
    [...mine.batches, ...others.batches].flatMap(payloadsOf).sort(),
    ['0', '1', '2', '3'],
    'each is read by one of them',
  )
  t.equal(new Set(mine.gathers.map(({ partition }) => partition)).size, 2, 'a gather has batches of one partition')
  await commitAll(first, mine.gathers)

  await first.close()
  while (partitions()[1] !== 2 * half) await sleep(50)
  t.notOk(
    others.gathers.some((gathered) => second.isCurrent(gathered)),
    'items that were read before are not its own any more',
  )
  await commitAll(second, others.gathers)
  const again = await readBatches(second, 2)
  t.same(
    again.batches.flatMap(payloadsOf).sort(),
    others.batches.flatMap(payloadsOf).sort(),
    'and is read again, since a commit of it is ignored',
  )
  await second.close()
  await writer.close()
})

t.test('read-ahead is bounded, however large the lag', async (t) => {
  const { prefix, writer, group } = await log()
  const names = Array.from({ length: 40 }, (_, index) => String(index))
  for (const name of names) await writer.append(makeBatch([name + 'x'.repeat(100_000)]))
  const limit = 1_000_000
  const options = { kafka, topicPrefix: prefix, group, logger: kafka.logger, readAheadMaxBytes: limit }
  const reader = await KafkaReader.open(options)
  await sleep(2000)
  // Plus the bytes of one fetch.
  t.ok(reader.stats.queuedBytes < limit + 1_200_000, `${reader.stats.queuedBytes} bytes are read ahead`)
  t.ok(reader.stats.queuedBytes >= limit)
  const lag = await reader.lag('dead_letters')
  t.match(lag, { batches: 40, partitions: [{ partition: 0, batches: 40 }] })
  const { batches, gathers } = await readBatches(reader, 40, 500_000)
  t.same(
    batches.flatMap(payloadsOf).map((payload) => payload.replace(/x+/, '')),
    names,
  )
  await commitAll(reader, gathers)
  t.match(await reader.lag('dead_letters'), { batches: 0, bytes: 0, oldestAt: null })
  await reader.close()
  await writer.close()
})

t.test('a message that is not a batch becomes a dead letter, and reading continues', async (t) => {
  const { writer, open } = await log()
  const [batch, next] = batchesOf('a', 'b')
  await writer.raw(batch, Buffer.from('no container'))
  await writer.append(next)
  const reader = await open()
  const { batches, gathers } = await readBatches(reader, 1)
  t.same(batches.flatMap(payloadsOf), ['b'])
  t.same(
    gathers.flatMap(({ letters }) => letters.map(({ stream }) => stream)),
    ['dead_letters'],
  )
  await commitAll(reader, gathers)
  await reader.close()
  const again = await open()
  t.equal(again.stats.positionAlarms, 0)
  await again.close()
  await writer.close()
})

t.test('brokers that do not answer are an error', async (t) => {
  await t.rejects(
    KafkaReader.open({
      kafka: { ...kafka, brokers: ['127.0.0.1:1'] },
      topicPrefix: 'x.',
      group: 'x',
      logger: kafka.logger,
    }),
    { code: 'LOG_UNAVAILABLE' },
  )
})

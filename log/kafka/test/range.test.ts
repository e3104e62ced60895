import t from 'tap'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { makeBatch, payloadsOf } from '../../test/contract.ts'
import { readRange, type RangeOptions } from '../range.ts'
import { makeTopics, SimpleWriter } from './simple-writer.ts'

const broker = await sharedBroker(t)
const kafka = broker.options()

async function payloads(range: Partial<RangeOptions>): Promise<string[]> {
  const found: string[] = []
  const options = {
    kafka,
    topicPrefix: broker.prefix,
    stream: 'dead_letters' as const,
    partition: 1,
    logger: kafka.logger,
  }
  for await (const { batches } of readRange({ ...options, ...range })) found.push(...batches.flatMap(payloadsOf))
  return found
}

t.test('a range of one partition is read, by offset or time, and nothing else', async (t) => {
  await makeTopics(kafka, broker.prefix, 2)
  const writer = new SimpleWriter(kafka, broker.prefix)
  const names = Array.from({ length: 20 }, (_, index) => String(index))
  let middle = 0
  for (const [index, name] of names.entries()) {
    if (index === 10) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      middle = Date.now()
    }
    await writer.append(makeBatch([name]), 1)
    await writer.append(makeBatch(['other']), 0)
  }
  await writer.close()
  t.same(await payloads({}), names)
  t.same(await payloads({ from: { offset: 5 }, to: { offset: 8 } }), ['5', '6', '7'])
  t.same(await payloads({ from: { time: middle } }), names.slice(10))
  t.same(await payloads({ to: { time: middle } }), names.slice(0, 10))
  t.same(await payloads({ from: { offset: 20 } }), [])
  await t.rejects(payloads({ from: { offset: 0 }, to: { offset: 21 } }), { code: 'INPUT_INVALID' })
  await t.rejects(payloads({ partition: 2 }), { code: 'INPUT_INVALID' })
  await t.rejects(payloads({ kafka: { ...kafka, brokers: ['127.0.0.1:1'] } }), { code: 'LOG_UNAVAILABLE' })
})

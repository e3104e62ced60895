import { join } from 'node:path'
import t from 'tap'
import { sharedBroker } from '../../../test/helpers/shared-broker.ts'
import { logContract } from '../../test/contract.ts'
import { KafkaReader } from '../reader.ts'
import { KafkaWriter } from '../writer.ts'
import { makeTopics } from './simple-writer.ts'

const broker = await sharedBroker(t)
const kafka = broker.options()
const { logger } = kafka
let made = 0

logContract(t, 'kafka', async (t) => {
  const topicPrefix = `${broker.prefix}${++made}.`
  // One partition: the contract requires an order, which Kafka keeps only within a partition.
  await makeTopics(kafka, topicPrefix)
  const spill = {
    directory: join(t.testdir(), 'spill'),
    slot: 0,
    maxBytes: 2 ** 24,
    segmentMaxBytes: 2 ** 22,
    sealAfterMs: 100,
  }
  return {
    openWriter: () => KafkaWriter.open({ kafka, topicPrefix, spill, logger }),
    openReader: () => KafkaReader.open({ kafka, topicPrefix, group: `group-${topicPrefix}`, logger }),
  }
})

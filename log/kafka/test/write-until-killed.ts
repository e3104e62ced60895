/**
 * Child process of tests: appends one batch after the other until it is killed, and sends its parent a message for each acknowledged batch.
 * Arguments: brokers, prefix of the topics, data directory.
 */
import { KafkaWriter } from '../writer.ts'
import { logger, nextBatch, writerOptions } from './harness.ts'

const [brokers, prefix, directory] = process.argv.slice(2)
const cluster = { options: () => ({ brokers: brokers.split(','), clientId: 'child', tls: null, sasl: null, logger }) }
const writer = await KafkaWriter.open(writerOptions(cluster, prefix, directory))
for (let number = 0; ; number++) {
  const batch = nextBatch(writer, `child-${number}`)
  await writer.append(batch)
  const { circuit, failed, timeout } = writer.stats.spilled
  process.send?.({ id: batch.batchId.toString('hex'), spilled: circuit + failed + timeout })
  await new Promise((resolve) => setTimeout(resolve, 5))
}

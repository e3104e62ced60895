import t from 'tap'
import { makeBatch, payloadsOf } from '../../test/contract.ts'
import { decodeRecords } from '../../../test/helpers/decode.ts'
import { messageValue } from '../message.ts'
import { PartitionReader, type Message } from '../partition.ts'

const batches = Array.from({ length: 6 }, (_, index) => makeBatch([String(index)]))
const ids = batches.map(({ batchId }) => batchId.toString('hex'))

function messages(from: number, to: number): Message[] {
  return batches
    .slice(from, to)
    .map((batch, index) => ({ offset: from + index, value: messageValue(batch), timestamp: Date.now() }))
}

function partition(): PartitionReader {
  return new PartitionReader('dead_letters', 'gatepost.dead-letters', 3)
}

t.test('messages are taken in order, each once, from the first offset', (t) => {
  const reader = partition()
  t.equal(reader.offer(0, messages(0, 2)), 'elsewhere', 'before the position is located')
  reader.begin({ offset: 0, expect: null })
  t.equal(reader.offer(0, messages(0, 2)), 'taken')
  t.equal(reader.offer(0, messages(0, 2)), 'elsewhere', 'again')
  t.equal(reader.offer(4, messages(4, 6)), 'elsewhere', 'with a gap')
  t.equal(reader.offer(2, messages(2, 4)), 'taken')
  const taken = reader.take(2 ** 20)
  t.same(taken?.batches.flatMap(payloadsOf), ['0', '1', '2', '3'])
  t.match(taken, { next: 4, lastId: ids[3], letters: [] })
  t.equal(reader.queuedBytes, 0)
  t.equal(reader.take(2 ** 20), null)
  t.equal(reader.oldestAt, batches[0].minReceivedAt)
  reader.committedUpTo(3, ids[2])
  t.equal(reader.oldestAt, batches[3].minReceivedAt)
  reader.committedUpTo(4, ids[3])
  reader.committedUpTo(1, ids[0])
  t.match(
    reader,
    { committed: 4, committedId: ids[3], oldestAt: null },
    'an older commit does not move the position back',
  )
  t.end()
})

t.test('a gather is bounded, and a batch above the limit is taken alone', (t) => {
  const reader = partition()
  reader.begin({ offset: 0, expect: null })
  reader.offer(0, messages(0, 6))
  const size = batches[0].records.byteLength
  t.equal(reader.take(1)?.batches.length, 1)
  t.equal(reader.take(size * 2)?.batches.length, 2)
  t.equal(reader.take(2 ** 20)?.next, 6)
  t.end()
})

t.test('the batch before the committed offset is checked and not delivered', (t) => {
  const reader = partition()
  reader.begin({ offset: 1, expect: ids[1] })
  t.equal(reader.committed, 2)
  t.equal(reader.offer(1, messages(1, 4)), 'taken')
  t.same(reader.take(2 ** 20)?.batches.flatMap(payloadsOf), ['2', '3'])

  reader.begin({ offset: 1, expect: ids[5] })
  t.equal(reader.offer(1, messages(1, 4)), 'wrong', 'another log')
  reader.begin({ offset: 1, expect: ids[2] })
  t.equal(reader.offer(1, messages(2, 4)), 'wrong', 'the message itself is deleted')
  t.end()
})

t.test('after a partition is lost nothing is taken, and earlier items are recognised', (t) => {
  const reader = partition()
  reader.begin({ offset: 0, expect: null })
  reader.offer(0, messages(0, 3))
  const { begun } = reader
  reader.lose()
  t.equal(reader.take(2 ** 20), null)
  t.equal(reader.offer(3, messages(3, 4)), 'elsewhere')
  t.not(reader.begun, begun)
  t.end()
})

t.test('a message that is not a batch becomes a dead letter with an identity of its own', (t) => {
  const whole = messageValue(batches[0])
  const other = messageValue(makeBatch(['x'], Date.now(), 'dead_letters'))
  const bad: (Buffer | null)[] = [
    null,
    Buffer.alloc(0),
    Buffer.from('{"json": true}'),
    whole.subarray(0, whole.length - 1),
    Buffer.concat([whole, other]),
    Buffer.concat([whole.subarray(0, whole.length - 16), Buffer.alloc(16)]),
  ]
  const read = () => {
    const reader = partition()
    reader.begin({ offset: 0, expect: null })
    const offered = bad.map((value, offset) => ({ offset, value, timestamp: 1_790_000_000_000 }))
    t.equal(reader.offer(0, [...offered, { ...messages(5, 6)[0], offset: bad.length }]), 'taken')
    return reader.take(2 ** 20)
  }
  const taken = read()
  t.same(taken?.batches.flatMap(payloadsOf), ['5'], 'intact batches are delivered')
  t.equal(taken?.letters.length, bad.length)
  t.equal(new Set(taken?.letters.map(({ batchId }) => batchId.toString('hex'))).size, bad.length)
  t.same(read()?.letters, taken?.letters, 'read again it is the same letter')
  const [letter] = decodeRecords('dead_letters', taken?.letters[2].records as Buffer, 1)
  t.match(letter.record, {
    source: 'dead_letters',
    reason: 'undecodable',
    error: /^message gatepost\.dead-letters-3\/2: not an Avro object container file/,
    payload: Buffer.from('{"json": true}').toString('base64'),
  })
  t.end()
})

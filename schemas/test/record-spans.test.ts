import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { recordSchema } from '../avro.ts'
import { STREAMS, type Stream } from '../streams/index.ts'
import { makeBatch, type Fields } from './records.ts'
import { recordSpans } from '../record-spans.ts'

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const text = fc.string({ unit: 'binary', maxLength: 300 })

/** Values of the fields that differ in length. */
const FIELDS: Record<Stream, fc.Arbitrary<Fields>> = {
  post_auth: fc.record({ username: text, cert_subject: text, success: fc.boolean() }),
  radius_accounting: fc.record({
    username: text,
    event_at: fc.integer({ min: 0, max: 2 ** 42 }),
    input_octets: fc.option(long),
  }),
  gateway_pings: fc.record({ gw_id: text, sys_uptime: long, sys_load: fc.double(), extra: fc.dictionary(text, text) }),
  gateway_auth: fc.record({
    ip: text,
    incoming: fc.option(long),
    outgoing: fc.option(long),
    auth_code: fc.integer({ min: -9, max: 9 }),
  }),
  portal_sessions: fc.record({ account: text, confirm_by: fc.option(fc.integer({ min: 0, max: 2 ** 42 })) }),
  dead_letters: fc.record({ payload: text, error: text }),
}

/** Where avsc finds the records. */
function offsetsByAvsc(stream: Stream, records: Buffer, recordCount: number): number[] {
  const offsets = [0]
  while (offsets.length <= recordCount) {
    offsets.push(recordSchema(stream).type.decode(records, offsets[offsets.length - 1]).offset)
  }
  return offsets
}

for (const stream of STREAMS) {
  t.test(`${stream}: records begin where avsc finds them, and a truncation is detected in its record`, (t) => {
    fc.assert(
      fc.property(fc.array(FIELDS[stream], { minLength: 1, maxLength: 8 }), fc.nat(), (fields, place) => {
        const { records, recordCount } = makeBatch(stream, Date.now(), fields)
        const offsets = offsetsByAvsc(stream, records, recordCount)
        const found = recordSpans(recordSchema(stream), records, recordCount)
        const cut = place % records.length
        const foundCut = recordSpans(recordSchema(stream), records.subarray(0, cut), recordCount)
        return (
          found.error === null &&
          found.offsets.join() === offsets.join() &&
          foundCut.error !== null &&
          foundCut.offsets.join() === offsets.filter((offset) => offset <= cut).join()
        )
      }),
    )
    t.pass()
    t.end()
  })
}

t.test('any bytes: the scan ends', (t) => {
  for (let round = 0; round < 2000; round++) {
    const bytes = randomBytes(round)
    for (const stream of STREAMS) {
      const { offsets, error } = recordSpans(recordSchema(stream), bytes, 1000)
      if (error === null || offsets.some((offset) => offset > bytes.length)) t.fail(bytes.toString('hex'))
    }
  }
  t.pass()
  t.end()
})

t.test('bytes after the last record are detected', (t) => {
  const { records } = makeBatch('post_auth', Date.now(), [{}, {}])
  t.match(recordSpans(recordSchema('post_auth'), Buffer.concat([records, Buffer.alloc(3)]), 2).error, '3 bytes behind')
  t.match(recordSpans(recordSchema('post_auth'), records, 1).error, 'behind the last of 1')
  t.end()
})

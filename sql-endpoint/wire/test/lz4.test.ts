import fc from 'fast-check'
import t from 'tap'
import { compressLz4, decompressLz4 } from '../lz4.ts'

/** Bytes of few values, in runs: there is something to find. */
const repetitive = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 80 })), { maxLength: 60 })
  .map((runs) =>
    Buffer.concat(runs.flatMap(([bytes, times]) => Array.from({ length: times }, () => Buffer.from(bytes)))),
  )

t.test('what is compressed comes back', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        repetitive,
      ),
      (data) => {
        const block = compressLz4(data)
        return decompressLz4(block, data.length).equals(data)
      },
    ),
    { numRuns: 2000 },
  )
  t.end()
})

t.test('matches are found, also far and long ones, and nothing grows by more than a 255th', (t) => {
  const line = Buffer.from('2026-11-29 07:35:20.000\tgateway-17\t50-A6-7F-84-12-34\t1\n')
  const table = Buffer.concat(Array.from({ length: 4000 }, () => line))
  t.ok(compressLz4(table).length < table.length / 50)
  t.same(decompressLz4(compressLz4(table), table.length), table)

  const far = Buffer.alloc(200_000, 0)
  for (let i = 0; i < far.length; i++) far[i] = Math.imul(i % 60_000, 0x9e3779b1) >>> 24
  t.same(decompressLz4(compressLz4(far), far.length), far)
  t.ok(compressLz4(far).length < far.length / 2)

  const noise = Buffer.alloc(100_000)
  let seed = 1
  for (let i = 0; i < noise.length; i++) noise[i] = (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16
  t.ok(compressLz4(noise).length <= noise.length + Math.ceil(noise.length / 255) + 16)
  t.same(decompressLz4(compressLz4(noise), noise.length), noise)
  t.end()
})

/* The bytes were read with the program lz4 1.9.4 (as a frame) and Python's lz4.block 4.4.5. */
t.test('blocks are those of the format', (t) => {
  t.equal(compressLz4(Buffer.from('')).toString('hex'), '00')
  t.equal(compressLz4(Buffer.from('abc')).toString('hex'), '30616263')
  t.equal(compressLz4(Buffer.alloc(40, 'a')).toString('hex'), '1f610100' + '0f' + '506161616161')
  t.end()
})

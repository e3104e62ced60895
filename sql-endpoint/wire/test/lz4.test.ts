import fc from 'fast-check'
import t from 'tap'
import { cityHash128 } from '../cityhash.ts'
import { frame, unframe } from '../framing.ts'
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
  for (const [text, block] of [
    ['', '00'],
    ['abc', '30616263'],
    ['a'.repeat(40), '1f610100' + '0f' + '506161616161'],
    // 1 literal 'a', a match of 19 from 1 back; then 5 literals.
    [`${'a'.repeat(20)}bcdef`, '1f61010000' + '506263646566'],
  ]) {
    const bytes = Buffer.from(block, 'hex')
    t.equal(decompressLz4(bytes, text.length).toString(), text)
    if (text !== '') t.throws(() => decompressLz4(bytes, text.length - 1), block)
    t.throws(() => decompressLz4(bytes.subarray(0, -1), 1000), block)
  }
  t.throws(() => decompressLz4(Buffer.from('1f61050000' + '506263646566', 'hex'), 25), 'a match before the beginning')
  for (const block of ['1f6105000050', 'f0']) t.throws(() => decompressLz4(Buffer.from(block, 'hex'), 25), block)
  t.equal(compressLz4(Buffer.from('')).toString('hex'), '00')
  t.equal(compressLz4(Buffer.from('abc')).toString('hex'), '30616263')
  t.end()
})

t.test('a block of the native protocol has the size that it says', async (t) => {
  const read = async (block: Buffer) => {
    // eslint-disable-next-line @typescript-eslint/require-await -- an async source of what is there
    const sent = (async function* () {
      yield block
    })()
    const parts: Buffer[] = []
    for await (const part of unframe(sent, 1e6)) parts.push(part)
    return Buffer.concat(parts).toString()
  }
  const [block] = frame(Buffer.from('a'.repeat(100)))
  t.equal(await read(block), 'a'.repeat(100))
  for (const size of [0, 99, 101, 100_000]) {
    block.writeUInt32LE(size, 21)
    block.set(cityHash128(block.subarray(16)), 0)
    await t.rejects(read(block), { message: /compressed block .* cannot be read/ }, `${size} bytes`)
  }
})

import t from 'tap'
import { cityHash128 } from '../cityhash.ts'
import { decompressLz4 } from '../lz4.ts'
import { CITY_VECTORS } from './cityhash-vectors.ts'

t.test('CityHash128 1.0.2 as go-faster/city computes it (CH128), of every shape of length', (t) => {
  const bytes = Buffer.alloc(2000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255
  for (const [length, hash] of CITY_VECTORS)
    t.equal(cityHash128(bytes.subarray(0, length)).toString('hex'), hash, `${length} bytes`)
  t.end()
})

t.test('LZ4 blocks: overlapping matches, long lengths, and invalid blocks', (t) => {
  // 1 literal 'a', a match of 19 from 1 back; then 5 literals.
  const block = Buffer.from([0x1f, 0x61, 0x01, 0x00, 0x00, 0x50, ...Buffer.from('bcdef')])
  t.equal(decompressLz4(block, 25).toString(), `${'a'.repeat(20)}bcdef`)
  t.throws(() => decompressLz4(block, 24), RangeError)
  t.throws(() => decompressLz4(block, 26), RangeError)
  t.throws(() => decompressLz4(Buffer.from([0x1f, 0x61, 0x05, 0x00, 0x00, 0x50]), 25), RangeError)
  t.throws(() => decompressLz4(Buffer.from([0xf0]), 25), RangeError)
  t.end()
})

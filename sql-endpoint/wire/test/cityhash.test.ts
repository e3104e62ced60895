import t from 'tap'
import { cityHash128 } from '../cityhash.ts'
import { CITY_VECTORS } from './cityhash-vectors.ts'

t.test('CityHash128 1.0.2 as go-faster/city computes it (CH128), of every shape of length', (t) => {
  const bytes = Buffer.alloc(2000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255
  for (const [length, hash] of CITY_VECTORS)
    t.equal(cityHash128(bytes.subarray(0, length)).toString('hex'), hash, `${length} bytes`)
  t.end()
})

import t from 'tap'
import { decompressInWasm, decompressZstd } from '../zstd.ts'

/* printf 'hello %.0s' $(seq 2000) | zstd -c */
const SIZE = 12_000
const TEXT = 'hello '.repeat(2000)
const FRAME = Buffer.from('KLUv/QRYdQAAMGhlbGxvIAEA1y58KQJAf8HY', 'base64')

for (const [name, decompress] of Object.entries({ decompressInWasm, decompressZstd })) {
  t.test(name, async (t) => {
    for (let n = 0; n < 3; n++) t.equal((await decompress(FRAME, SIZE)).toString(), TEXT)
    t.equal((await decompress(Buffer.alloc(0), 0).catch(() => Buffer.alloc(0))).length, 0)
  })
}

t.test('a frame that is not of its size, or cannot be read', async (t) => {
  await t.rejects(decompressZstd(FRAME, SIZE - 1))
  await t.rejects(decompressZstd(FRAME, SIZE + 1))
  await t.rejects(decompressZstd(FRAME.subarray(0, -6), SIZE))
  await t.rejects(decompressZstd(Buffer.from('not a frame at all'), SIZE))
  for (const frame of [FRAME.subarray(0, -6), Buffer.from('not a frame at all')]) {
    t.not((await decompressInWasm(frame, SIZE)).length, SIZE)
  }
  t.not((await decompressInWasm(FRAME, SIZE - 1)).length, SIZE - 1)
})

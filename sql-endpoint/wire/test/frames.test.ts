import t from 'tap'
import { wholeFrames, type FrameCoding } from '../frames.ts'

/** Made with the command line tools lz4 1.9.4 and zstd 1.5.4, with the options in their names. */
const FRAMES: Record<string, [FrameCoding, string]> = {
  'lz4, checksum of the content': ['lz4', 'BCJNGGRApxEAAAB/MQlhCjIJYgEACVBiYmJiCgAAAACqQGe8'],
  'lz4 -BX --content-size': ['lz4', 'BCJNGHxAKAAAAAAAAABNEQAAAH8xCWEKMgliAQAJUGJiYmIK8hXqmQAAAACqQGe8'],
  'lz4 -BD --no-frame-crc': ['lz4', 'BCJNGGBAghEAAAB/MQlhCjIJYgEACVBiYmJiCgAAAAA='],
  'zstd, one segment, checksum': ['zstd', 'KLUv/SQodQAAQDEJYQoyCWIKAQA4MAK9RO/f'],
  'zstd --no-check': ['zstd', 'KLUv/SAodQAAQDEJYQoyCWIKAQA4MAI='],
  'zstd from a pipe: a window, no size': ['zstd', 'KLUv/QRYdQAAQDEJYQoyCWIKAQA4MAK9RO/f'],
  'zstd of zeros: run-length blocks': ['zstd', 'KLUv/aTgkwQAVAAAEAAAAQD7/znAAgIAEAADnwQALSjeJg=='],
}
const SKIPPABLE = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])

/** The output, or the error's message. */
async function walked(bytes: Buffer, coding: FrameCoding, chunk: number, maxBytes = 2 ** 20): Promise<Buffer | string> {
  // eslint-disable-next-line @typescript-eslint/require-await -- an async source of what is there
  async function* source(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
  }
  const parts: Buffer[] = []
  try {
    for await (const part of wholeFrames(source(), coding, maxBytes)) parts.push(part)
  } catch (error) {
    return (error as Error).message
  }
  return Buffer.concat(parts)
}

for (const [name, [coding, base64]] of Object.entries(FRAMES)) {
  t.test(name, async (t) => {
    const frame = Buffer.from(base64, 'base64')
    for (const bytes of [frame, Buffer.concat([frame, frame]), Buffer.concat([SKIPPABLE, frame, SKIPPABLE])]) {
      for (const chunk of [1, 5, 1000])
        t.same(await walked(bytes, coding, chunk), bytes, `passes as it is, by ${chunk}`)
    }
    for (let end = 1; end < frame.length; end++) {
      t.match(await walked(frame.subarray(0, end), coding, 1000), /ends within a frame/, `cut after ${end}`)
    }
    t.match(await walked(Buffer.concat([frame, Buffer.from('more')]), coding, 1000), `is not ${coding}`)
  })
}

t.test('empty input, and input that is not a frame', async (t) => {
  t.same(await walked(Buffer.alloc(0), 'lz4', 1), Buffer.alloc(0))
  t.match(await walked(Buffer.from('1,a\n'), 'lz4', 1), 'is not lz4')
  t.match(await walked(Buffer.from('1,a\n'), 'zstd', 1), 'is not zstd')
})

t.test('the output is bounded', async (t) => {
  const [, zeros] = FRAMES['zstd of zeros: run-length blocks']
  const blocks = Buffer.from(zeros, 'base64')
  t.match(await walked(blocks, 'zstd', 1000, 250_000), 'more than 250000 bytes')
  t.same(await walked(blocks, 'zstd', 1000, 2 ** 20), blocks)
  const [, base64] = FRAMES['lz4, checksum of the content']
  const frame = Buffer.from(base64, 'base64')
  t.match(await walked(frame, 'lz4', 1000, 1000), 'more than 1000 bytes')
  t.same(await walked(frame, 'lz4', 1000, 17 * 255), frame, 'a length byte counts at most 255')
})

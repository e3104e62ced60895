import { Buffer } from 'node:buffer'
import t from 'tap'
import { decodeLz4Frames } from '../lz4-frames.ts'

/** Cut into pieces of so many bytes. */
// eslint-disable-next-line @typescript-eslint/require-await -- an async source of what is there
async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function decode(frames: Buffer, length = 7): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of decodeLz4Frames(pieces(frames, length))) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** Made with the program lz4 1.9.4 and Python's lz4.frame 4.4.5. */
const FRAMES = {
  'linked blocks':
    'BCJNGEhAsJMCAAAAAAAaYAMAAKIwCW5hbWUtMAoxCQAyMQoyCQAyMgozCQAyMwo0CQAyNAo1CQAyNQo2CQAyNgo3CQAyNwo4CQAyOAo5CQAzOQoxWwBEMTAKMV0AMzEKMV8AQzEyCjFhAEMxMwoxYwBDMTQKMWUAQzE1CjFnAEMxNgoxaQBDMTcKMWsAQzE4CjFtAEMxOQoybgBDMjAKMm4AQzIxCjJuAEMyMgoybgBDMjMKMm4AQzI0CjJuAEMyNQoybgBDMjYKMm4AQzI3CjJuAEMyOAoybgBDMjkKM24AMzAKM20ANDEKM2wAIwozawAzMwozagAzNAozaQAzNQozaAAzNgozZwAzNwozZgAzOAozZQAzOQo0ZABEMTAKNGUAMzEKNGYAQzEyCjRnAEMxMwo0aABDMTQKNGkAQzE1CjRqAEMxNgo0awBDMTcKNGwAQzE4CjRtAEMxOQo1bgBDMjAKNW4AQzIxCjVuAEMyMgo1bgBDMjMKNW4AQzI0CjVuAEMyNQo1bgBDMjYKNW4AQzI3CjVuAEMyOAo1bgBDMjkKNm4AMzAKNm0ANDEKNmwAIwo2awAzMwo2agAzNAo2aQAzNQo2aAAzNgo2ZwAzNwo2ZgAzOAo2ZQAzOQo3ZABEMTAKN2UAMzEKN2YAQzEyCjdnAEMxMwo3aABDMTQKN2kAQzE1CjdqAEMxNgo3awBDMTcKN2wAQzE4CjdtAEMxOQo4bgBDMjAKOG4AQzIxCjhuAEMyMgo4bgBDMjMKOG4AQzI0CjhuAEMyNQo4bgBDMjYKOG4AQzI3CjhuAEMyOAo4bgAzMjkKbQAPtgP/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////KFBuYW1lLQoBAAAPWPz/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////6FA4NwluYfQCAADzBG1lLTI3Cjg4CW5hbWUtMjgKODkLADI5CjAKADIwCjEJADIxCjIJADIyCjMJADIzCjQJADI0CjUJADI1CjYJADI2CjcJACM3Cl0AMjgKORIAMzkKMVsARDEwCjFdADMxCjFfAEMxMgoxYQBDMTMKMWMAQzE0CjFlAEMxNQoxZwBDMTYKMWkAQzE3CjFrAEMxOAoxbQBDMTkKMm4AQzIwCjJuAEMyMQoybgBDMjIKMm4AQzIzCjJuAEMyNAoybgBDMjUKMm4AQzI2CjJuAEMyNwoybgBDMjgKMm4AQzI5CjNuADMwCjNtADQxCjNsACMKM2sAMzMKM2oAMzQKM2kAMzUKM2gAMzYKM2cAMzcKM2YAMzgKM2UAMzkKNGQARDEwCjRlADMxCjRmAEMxMgo0ZwBDMTMKNGgAQzE0CjRpAEMxNQo0agBDMTYKNGsAQzE3CjRsAEMxOAo0bQBDMTkKNW4AQzIwCjVuAEMyMQo1bgBDMjIKNW4AQzIzCjVuAEMyNAo1bgBDMjUKNW4AQzI2CjVuAEMyNwo1bgBDMjgKNW4AQzI5CjZuADMwCjZtADQxCjZsACMKNmsAMzMKNmoAMzQKNmkAMzUKNmgAMzYKNmcAMzcKNmYAMzgKNmUAMzkKN2QARDEwCjdlADMxCjdmAEMxMgo3ZwBDMTMKN2gAQzE0CjdpAEMxNQo3agBDMTYKN2sAQzE3CjdsAEMxOAo3bQBDMTkKOG4AQzIwCjhuAEMyMQo4bgBDMjIKOG4AQzIzCjhuAEMyNAo4bgBDMjUKOG4AQzI2CjhuAA+2A////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////29QbWUtOQoAAAAA',
  pieces:
    'BCJNGEBAwGADAACiMAluYW1lLTAKMQkAMjEKMgkAMjIKMwkAMjMKNAkAMjQKNQkAMjUKNgkAMjYKNwkAMjcKOAkAMjgKOQkAMzkKMVsARDEwCjFdADMxCjFfAEMxMgoxYQBDMTMKMWMAQzE0CjFlAEMxNQoxZwBDMTYKMWkAQzE3CjFrAEMxOAoxbQBDMTkKMm4AQzIwCjJuAEMyMQoybgBDMjIKMm4AQzIzCjJuAEMyNAoybgBDMjUKMm4AQzI2CjJuAEMyNwoybgBDMjgKMm4AQzI5CjNuADMwCjNtADQxCjNsACMKM2sAMzMKM2oAMzQKM2kAMzUKM2gAMzYKM2cAMzcKM2YAMzgKM2UAMzkKNGQARDEwCjRlADMxCjRmAEMxMgo0ZwBDMTMKNGgAQzE0CjRpAEMxNQo0agBDMTYKNGsAQzE3CjRsAEMxOAo0bQBDMTkKNW4AQzIwCjVuAEMyMQo1bgBDMjIKNW4AQzIzCjVuAEMyNAo1bgBDMjUKNW4AQzI2CjVuAEMyNwo1bgBDMjgKNW4AQzI5CjZuADMwCjZtADQxCjZsACMKNmsAMzMKNmoAMzQKNmkAMzUKNmgAMzYKNmcAMzcKNmYAMzgKNmUAMzkKN2QARDEwCjdlADMxCjdmAEMxMgo3ZwBDMTMKN2gAQzE0CjdpAEMxNQo3agBDMTYKN2sAQzE3CjdsAEMxOAo3bQBDMTkKOG4AQzIwCjhuAEMyMQo4bgBDMjIKOG4AQzIzCjhuAEMyNAo4bgBDMjUKOG4AQzI2CjhuAEMyNwo4bgBDMjgKOG4AMzI5Cm0AD7YD/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////yhQbmFtZS0KAQAAD1j8/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////+hQODcJbmH0AgAA8wRtZS0yNwo4OAluYW1lLTI4Cjg5CwAyOQowCgAyMAoxCQAyMQoyCQAyMgozCQAyMwo0CQAyNAo1CQAyNQo2CQAyNgo3CQAjNwpdADI4CjkSADM5CjFbAEQxMAoxXQAzMQoxXwBDMTIKMWEAQzEzCjFjAEMxNAoxZQBDMTUKMWcAQzE2CjFpAEMxNwoxawBDMTgKMW0AQzE5CjJuAEMyMAoybgBDMjEKMm4AQzIyCjJuAEMyMwoybgBDMjQKMm4AQzI1CjJuAEMyNgoybgBDMjcKMm4AQzI4CjJuAEMyOQozbgAzMAozbQA0MQozbAAjCjNrADMzCjNqADM0CjNpADM1CjNoADM2CjNnADM3CjNmADM4CjNlADM5CjRkAEQxMAo0ZQAzMQo0ZgBDMTIKNGcAQzEzCjRoAEMxNAo0aQBDMTUKNGoAQzE2CjRrAEMxNwo0bABDMTgKNG0AQzE5CjVuAEMyMAo1bgBDMjEKNW4AQzIyCjVuAEMyMwo1bgBDMjQKNW4AQzI1CjVuAEMyNgo1bgBDMjcKNW4AQzI4CjVuAEMyOQo2bgAzMAo2bQA0MQo2bAAjCjZrADMzCjZqADM0CjZpADM1CjZoADM2CjZnADM3CjZmADM4CjZlADM5CjdkAEQxMAo3ZQAzMQo3ZgBDMTIKN2cAQzEzCjdoAEMxNAo3aQBDMTUKN2oAQzE2CjdrAEMxNwo3bABDMTgKN20AQzE5CjhuAEMyMAo4bgBDMjEKOG4AQzIyCjhuAEMyMwo4bgBDMjQKOG4AQzI1CjhuAEMyNgo4bgAPtgP///////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////9vUG1lLTkKAAAAAA==',
  'independent blocks with checksums':
    'BCJNGHxAsJMCAAAAAABTYAMAAKIwCW5hbWUtMAoxCQAyMQoyCQAyMgozCQAyMwo0CQAyNAo1CQAyNQo2CQAyNgo3CQAyNwo4CQAyOAo5CQAzOQoxWwBEMTAKMV0AMzEKMV8AQzEyCjFhAEMxMwoxYwBDMTQKMWUAQzE1CjFnAEMxNgoxaQBDMTcKMWsAQzE4CjFtAEMxOQoybgBDMjAKMm4AQzIxCjJuAEMyMgoybgBDMjMKMm4AQzI0CjJuAEMyNQoybgBDMjYKMm4AQzI3CjJuAEMyOAoybgBDMjkKM24AMzAKM20ANDEKM2wAIwozawAzMwozagAzNAozaQAzNQozaAAzNgozZwAzNwozZgAzOAozZQAzOQo0ZABEMTAKNGUAMzEKNGYAQzEyCjRnAEMxMwo0aABDMTQKNGkAQzE1CjRqAEMxNgo0awBDMTcKNGwAQzE4CjRtAEMxOQo1bgBDMjAKNW4AQzIxCjVuAEMyMgo1bgBDMjMKNW4AQzI0CjVuAEMyNQo1bgBDMjYKNW4AQzI3CjVuAEMyOAo1bgBDMjkKNm4AMzAKNm0ANDEKNmwAIwo2awAzMwo2agAzNAo2aQAzNQo2aAAzNgo2ZwAzNwo2ZgAzOAo2ZQAzOQo3ZABEMTAKN2UAMzEKN2YAQzEyCjdnAEMxMwo3aABDMTQKN2kAQzE1CjdqAEMxNgo3awBDMTcKN2wAQzE4CjdtAEMxOQo4bgBDMjAKOG4AQzIxCjhuAEMyMgo4bgBDMjMKOG4AQzI0CjhuAEMyNQo4bgBDMjYKOG4AQzI3CjhuAEMyOAo4bgAzMjkKbQAPtgP/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////KFBuYW1lLfd0289eAwAA8gAyOAo4OQluYW1lLTI5CjAKADIwCjEJADIxCjIJADIyCjMJADIzCjQJADI0CjUJADI1CjYJADI2CjcJADI3CjgJACM4ClsAMzkKMVsARDEwCjFdADMxCjFfAEMxMgoxYQBDMTMKMWMAQzE0CjFlAEMxNQoxZwBDMTYKMWkAQzE3CjFrAEMxOAoxbQBDMTkKMm4AQzIwCjJuAEMyMQoybgBDMjIKMm4AQzIzCjJuAEMyNAoybgBDMjUKMm4AQzI2CjJuAEMyNwoybgBDMjgKMm4AQzI5CjNuADMwCjNtADQxCjNsACMKM2sAMzMKM2oAMzQKM2kAMzUKM2gAMzYKM2cAMzcKM2YAMzgKM2UAMzkKNGQARDEwCjRlADMxCjRmAEMxMgo0ZwBDMTMKNGgAQzE0CjRpAEMxNQo0agBDMTYKNGsAQzE3CjRsAEMxOAo0bQBDMTkKNW4AQzIwCjVuAEMyMQo1bgBDMjIKNW4AQzIzCjVuAEMyNAo1bgBDMjUKNW4AQzI2CjVuAEMyNwo1bgBDMjgKNW4AQzI5CjZuADMwCjZtADQxCjZsACMKNmsAMzMKNmoAMzQKNmkAMzUKNmgAMzYKNmcAMzcKNmYAMzgKNmUAMzkKN2QARDEwCjdlADMxCjdmAEMxMgo3ZwBDMTMKN2gAQzE0CjdpAEMxNQo3agBDMTYKN2sAQzE3CjdsAEMxOAo3bQBDMTkKOG4AQzIwCjhuAEMyMQo4bgBDMjIKOG4AQzIzCjhuAEMyNAo4bgBDMjUKOG4AQzI2CjhuAEMyNwo4bgAPtgP/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////L1A4NwluYUbe4KLxAgAAsG1lLTI3Cjg4CW5hCwBDOAo4OQsAMjkKMAoAMjAKMQkAMjEKMgkAMjIKMwkAMjMKNAkAMjQKNQkAMjUKNgkAMjYKNwkAIzcKXQAjOApbADM5CjFbAEQxMAoxXQAzMQoxXwBDMTIKMWEAQzEzCjFjAEMxNAoxZQBDMTUKMWcAQzE2CjFpAEMxNwoxawBDMTgKMW0AQzE5CjJuAEMyMAoybgBDMjEKMm4AQzIyCjJuAEMyMwoybgBDMjQKMm4AQzI1CjJuAEMyNgoybgBDMjcKMm4AQzI4CjJuAEMyOQozbgAzMAozbQA0MQozbAAjCjNrADMzCjNqADM0CjNpADM1CjNoADM2CjNnADM3CjNmADM4CjNlADM5CjRkAEQxMAo0ZQAzMQo0ZgBDMTIKNGcAQzEzCjRoAEMxNAo0aQBDMTUKNGoAQzE2CjRrAEMxNwo0bABDMTgKNG0AQzE5CjVuAEMyMAo1bgBDMjEKNW4AQzIyCjVuAEMyMwo1bgBDMjQKNW4AQzI1CjVuAEMyNgo1bgBDMjcKNW4AQzI4CjVuAEMyOQo2bgAzMAo2bQA0MQo2bAAjCjZrADMzCjZqADM0CjZpADM1CjZoADM2CjZnADM3CjZmADM4CjZlADM5CjdkAEQxMAo3ZQAzMQo3ZgBDMTIKN2cAQzEzCjdoAEMxNAo3aQBDMTUKN2oAQzE2CjdrAEMxNwo3bABDMTgKN20AQzE5CjhuAEMyMAo4bgBDMjEKOG4AQzIyCjhuAEMyMwo4bgBDMjQKOG4AQzI1CjhuAEMyNgo4bgAPtgP///////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////9vUG1lLTkKMRtOMQAAAABqiskn',
  tool: 'BCJNGFRArmADAACiMAluYW1lLTAKMQkAMjEKMgkAMjIKMwkAMjMKNAkAMjQKNQkAMjUKNgkAMjYKNwkAMjcKOAkAMjgKOQkAMzkKMVsARDEwCjFdADMxCjFfAEMxMgoxYQBDMTMKMWMAQzE0CjFlAEMxNQoxZwBDMTYKMWkAQzE3CjFrAEMxOAoxbQBDMTkKMm4AQzIwCjJuAEMyMQoybgBDMjIKMm4AQzIzCjJuAEMyNAoybgBDMjUKMm4AQzI2CjJuAEMyNwoybgBDMjgKMm4AQzI5CjNuADMwCjNtADQxCjNsACMKM2sAMzMKM2oAMzQKM2kAMzUKM2gAMzYKM2cAMzcKM2YAMzgKM2UAMzkKNGQARDEwCjRlADMxCjRmAEMxMgo0ZwBDMTMKNGgAQzE0CjRpAEMxNQo0agBDMTYKNGsAQzE3CjRsAEMxOAo0bQBDMTkKNW4AQzIwCjVuAEMyMQo1bgBDMjIKNW4AQzIzCjVuAEMyNAo1bgBDMjUKNW4AQzI2CjVuAEMyNwo1bgBDMjgKNW4AQzI5CjZuADMwCjZtADQxCjZsACMKNmsAMzMKNmoAMzQKNmkAMzUKNmgAMzYKNmcAMzcKNmYAMzgKNmUAMzkKN2QARDEwCjdlADMxCjdmAEMxMgo3ZwBDMTMKN2gAQzE0CjdpAEMxNQo3agBDMTYKN2sAQzE3CjdsAEMxOAo3bQBDMTkKOG4AQzIwCjhuAEMyMQo4bgBDMjIKOG4AQzIzCjhuAEMyNAo4bgBDMjUKOG4AQzI2CjhuAEMyNwo4bgBDMjgKOG4AMzI5Cm0AD7YD/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////yhQbmFtZS33dNvPCgEAAA9Y/P/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////oUDg3CW5hoS1ADfQCAADzBG1lLTI3Cjg4CW5hbWUtMjgKODkLADI5CjAKADIwCjEJADIxCjIJADIyCjMJADIzCjQJADI0CjUJADI1CjYJADI2CjcJACM3Cl0AMjgKORIAMzkKMVsARDEwCjFdADMxCjFfAEMxMgoxYQBDMTMKMWMAQzE0CjFlAEMxNQoxZwBDMTYKMWkAQzE3CjFrAEMxOAoxbQBDMTkKMm4AQzIwCjJuAEMyMQoybgBDMjIKMm4AQzIzCjJuAEMyNAoybgBDMjUKMm4AQzI2CjJuAEMyNwoybgBDMjgKMm4AQzI5CjNuADMwCjNtADQxCjNsACMKM2sAMzMKM2oAMzQKM2kAMzUKM2gAMzYKM2cAMzcKM2YAMzgKM2UAMzkKNGQARDEwCjRlADMxCjRmAEMxMgo0ZwBDMTMKNGgAQzE0CjRpAEMxNQo0agBDMTYKNGsAQzE3CjRsAEMxOAo0bQBDMTkKNW4AQzIwCjVuAEMyMQo1bgBDMjIKNW4AQzIzCjVuAEMyNAo1bgBDMjUKNW4AQzI2CjVuAEMyNwo1bgBDMjgKNW4AQzI5CjZuADMwCjZtADQxCjZsACMKNmsAMzMKNmoAMzQKNmkAMzUKNmgAMzYKNmcAMzcKNmYAMzgKNmUAMzkKN2QARDEwCjdlADMxCjdmAEMxMgo3ZwBDMTMKN2gAQzE0CjdpAEMxNQo3agBDMTYKN2sAQzE3CjdsAEMxOAo3bQBDMTkKOG4AQzIwCjhuAEMyMQo4bgBDMjIKOG4AQzIzCjhuAEMyNAo4bgBDMjUKOG4AQzI2CjhuAA+2A////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////29QbWUtOQpgbWY9AAAAAGqKySc=',
} as const

t.test('frames of other encoders', async (t) => {
  const expected = Array.from({ length: 16_000 }, (_, i) => `${i % 90}\tname-${i % 30}\n`).join('')
  for (const [name, frame] of Object.entries(FRAMES)) {
    const bytes = Buffer.from(frame, 'base64')
    for (const length of [1, 1000, bytes.length]) t.equal(await decode(bytes, length), expected, `${name}, ${length}`)
    t.equal(await decode(Buffer.concat([bytes, bytes])), expected + expected, `${name}, twice`)
  }
  const skippable = Buffer.concat([Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]), Buffer.from('xyz')])
  t.equal(await decode(skippable), '')
  t.equal(await decode(Buffer.alloc(0)), '')
})

t.test('what is cut or changed is an error', async (t) => {
  for (const [name, frame] of Object.entries(FRAMES)) {
    const bytes = Buffer.from(frame, 'base64')
    for (const end of [3, 6, 20, bytes.length >> 1, bytes.length - 1]) {
      await t.rejects(decode(bytes.subarray(0, end)), { message: /request's body/ }, `${name} cut at ${end}`)
    }
    await t.rejects(decode(Buffer.concat([bytes, Buffer.from('rest')])), { message: /is not lz4/ }, name)
    const header = Buffer.from(bytes)
    header.writeUInt8(header.readUInt8(5) ^ 0x10, 5)
    await t.rejects(decode(header), { message: /wrong checksum/ }, name)
  }
  const checked = Buffer.from(FRAMES['independent blocks with checksums'], 'base64')
  for (let at = 7; at < checked.length; at += 101) {
    const changed = Buffer.from(checked)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    await t.rejects(decode(changed, 4096), { message: /request's body/ }, `changed at ${at}`)
  }
})

/** A frame with linked blocks of these sizes and bytes, without checksums of content. */
function linked(...blocks: (readonly [size: number, data: Buffer])[]): Buffer {
  const parts = blocks.flatMap(([size, data]) => {
    const field = Buffer.alloc(4)
    field.writeUInt32LE(size)
    return [field, data]
  })
  return Buffer.concat([Buffer.from('04224d184040c0', 'hex'), ...parts, Buffer.alloc(4)])
}

t.test('a block refers to what was 64 KiB before, and not further', async (t) => {
  const stored = (data: Buffer) => [0x80000000 + data.length, data] as const
  const match = (offset: number) => {
    // No literals, a match of four bytes, and five literals.
    const data = Buffer.from([0x00, offset & 255, offset >> 8, 0x50, ...Buffer.from('tail!')])
    return [data.length, data] as const
  }
  for (const length of [1, 4, 1000, 65_531]) {
    const frame = linked(stored(Buffer.from('head')), stored(Buffer.alloc(length, '-')), match(length + 4))
    t.equal(await decode(frame, frame.length), `head${'-'.repeat(length)}headtail!`, `${length} between`)
  }
  const small = Array.from({ length: 300 }, (_, n) => stored(Buffer.from(String(n).padStart(999, '.'))))
  const after = (offset: number) => decode(linked(...small, match(offset)), 100_000)
  t.ok((await after(1002)).endsWith('298.tail!'))
  t.ok((await after(65_535)).endsWith('tail!'))
  await t.rejects(decode(linked(match(4))), { message: /cannot be read/ })
  const next = Buffer.concat([linked(stored(Buffer.from('head'))), linked(match(4))])
  await t.rejects(decode(next), { message: /cannot be read/ }, 'nor to the frame before')
})

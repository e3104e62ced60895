/**
 * CityHash128 of version 1.0.2, the checksum of ClickHouse's native compression. Later versions of CityHash give other values. From Google's
 * published algorithm (MIT licence); 64-bit arithmetic on BigInt, but for the loop over the bytes, which is in cityhash-rounds.ts.
 */
import { mixRounds } from './cityhash-rounds.ts'

const K0 = 0xc3a5c85c97cb3127n
const K1 = 0xb492b66fbe98f273n
const K2 = 0x9ae16a3b2f90404fn
const K3 = 0xc949d7c7509e6557n
const MUL = 0x9ddfea08eb382d69n

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x)
const rotate = (x: bigint, n: bigint): bigint => u64((x >> n) | (x << (64n - n)))
const shiftMix = (x: bigint): bigint => x ^ (x >> 47n)

function hash16(low: bigint, high: bigint): bigint {
  let a = u64((low ^ high) * MUL)
  a ^= a >> 47n
  let b = u64((high ^ a) * MUL)
  b ^= b >> 47n
  return u64(b * MUL)
}

class Reader {
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(at, true)
  }

  u32(at: number): bigint {
    return BigInt(this.#view.getUint32(at, true))
  }

  u8(at: number): number {
    return this.#view.getUint8(at)
  }
}

function hashUpTo16(r: Reader, at: number, length: number): bigint {
  if (length > 8) {
    const a = r.u64(at)
    const b = r.u64(at + length - 8)
    return hash16(a, rotate(u64(b + BigInt(length)), BigInt(length))) ^ b
  }
  if (length >= 4) return hash16(u64(BigInt(length) + (r.u32(at) << 3n)), r.u32(at + length - 4))
  if (length > 0) {
    const y = BigInt(r.u8(at)) + (BigInt(r.u8(at + (length >> 1))) << 8n)
    const z = BigInt(length) + (BigInt(r.u8(at + length - 1)) << 2n)
    return u64(shiftMix(u64(u64(y * K2) ^ u64(z * K3))) * K2)
  }
  return K2
}

type Pair = readonly [bigint, bigint]

function weak32(r: Reader, at: number, seedA: bigint, seedB: bigint): Pair {
  const w = r.u64(at)
  const x = r.u64(at + 8)
  const y = r.u64(at + 16)
  const z = r.u64(at + 24)
  let a = u64(seedA + w)
  let b = rotate(u64(seedB + a + z), 21n)
  const c = a
  a = u64(a + x + y)
  b = u64(b + rotate(a, 44n))
  return [u64(a + z), u64(b + c)]
}

function murmur(r: Reader, at: number, length: number, seed: Pair): Pair {
  let [a, b] = seed
  let c: bigint
  let d: bigint
  let left = length - 16
  if (left <= 0) {
    a = u64(shiftMix(u64(a * K1)) * K1)
    c = u64(u64(b * K1) + hashUpTo16(r, at, length))
    d = shiftMix(u64(a + (length >= 8 ? r.u64(at) : c)))
  } else {
    c = hash16(u64(r.u64(at + length - 8) + K1), a)
    d = hash16(u64(b + BigInt(length)), u64(c + r.u64(at + length - 16)))
    a = u64(a + d)
    do {
      a = u64((a ^ u64(shiftMix(u64(r.u64(at) * K1)) * K1)) * K1)
      b ^= a
      c = u64((c ^ u64(shiftMix(u64(r.u64(at + 8) * K1)) * K1)) * K1)
      d ^= c
      at += 16
      left -= 16
    } while (left > 0)
  }
  a = hash16(a, c)
  b = hash16(d, b)
  return [a ^ b, hash16(b, a)]
}

function withSeed(bytes: Uint8Array, r: Reader, start: number, length: number, seed: Pair): Pair {
  if (length < 128) return murmur(r, start, length, seed)
  const z0 = u64(BigInt(length) * K1)
  const v0 = u64(rotate(seed[1] ^ K1, 49n) * K1 + r.u64(start))
  const state = new BigUint64Array([
    seed[0],
    seed[1],
    z0,
    v0,
    u64(rotate(v0, 42n) * K1 + r.u64(start + 8)),
    u64(rotate(u64(seed[1] + z0), 35n) * K1 + seed[0]),
    u64(rotate(u64(seed[0] + r.u64(start + 88)), 53n) * K1),
  ])
  const whole = length - (length % 128)
  mixRounds(new Uint32Array(state.buffer), bytes, start, whole / 64)
  const at = start + whole
  const left = length - whole
  let [x = 0n, y = 0n, , , , wa = 0n] = state
  const z = state[2] ?? 0n
  const wb = state[6] ?? 0n
  let v: Pair = [state[3] ?? 0n, state[4] ?? 0n]
  y = u64(y + u64(rotate(wa, 37n) * K0) + z)
  x = u64(x + u64(rotate(u64(v[0] + z), 49n) * K0))
  for (let tail = 0; tail < left;) {
    tail += 32
    y = u64(u64(rotate(u64(y - x), 42n) * K0) + v[1])
    wa = u64(wa + r.u64(at + left - tail + 16))
    x = u64(u64(rotate(x, 49n) * K0) + wa)
    wa = u64(wa + v[0])
    v = weak32(r, at + left - tail, v[0], v[1])
  }
  x = hash16(x, v[0])
  y = hash16(y, wa)
  return [u64(hash16(u64(x + v[1]), wb) + y), hash16(u64(x + wb), u64(y + v[1]))]
}

/** 16 bytes: the low half and then the high half, little endian, as they stand before a compressed block. */
export function cityHash128(bytes: Uint8Array): Buffer {
  const r = new Reader(bytes)
  const length = bytes.byteLength
  let hash: Pair
  if (length >= 16) hash = withSeed(bytes, r, 16, length - 16, [r.u64(0) ^ K3, r.u64(8)])
  else if (length >= 8) hash = withSeed(bytes, r, 0, 0, [r.u64(0) ^ u64(BigInt(length) * K0), r.u64(length - 8) ^ K1])
  else hash = withSeed(bytes, r, 0, length, [K0, K1])
  const out = Buffer.alloc(16)
  out.writeBigUInt64LE(hash[0], 0)
  out.writeBigUInt64LE(hash[1], 8)
  return out
}

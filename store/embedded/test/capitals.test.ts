import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { capitals, capitalsOf } from '../../../common/user-name.ts'
import { openEmbeddedStore } from '../open.ts'

/** Latin, Greek, Cyrillic, Armenian, Georgian and their extensions: letters that have had capitals for a long time. */
const RANGES: readonly (readonly [number, number])[] = [
  [0x20, 0x5ff],
  [0x10d0, 0x10ff],
  [0x1e00, 0x1fff],
  [0x2c00, 0x2c5f],
  [0xfb00, 0xfb17],
  [0xff41, 0xff5a],
  [0x10400, 0x1044f],
]

t.test("the engine's capitals are those of JavaScript", async (t) => {
  const store = await openEmbeddedStore({ path: join(t.testdir(), 'store'), logger: pino({ level: 'silent' }) })
  t.teardown(() => store.close())
  const letters = RANGES.flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) => String.fromCodePoint(from + index)),
  )
  const rows = await store.query<{ upper: string[] }>(
    `SELECT arrayMap(letter -> ${capitalsOf('letter')}, {letters:Array(String)}) AS upper`,
    { letters: [...letters, 'straße', 'ὀδυσσεύς'] },
  )
  t.same(rows[0].upper, [...letters, 'straße', 'ὀδυσσεύς'].map(capitals))
})

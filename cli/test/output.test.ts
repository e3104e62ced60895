import t from 'tap'
import { jsonArray, table } from '../output.ts'

t.test('columns are aligned, numbers to the right', (t) => {
  t.equal(
    table(
      ['name', 'users'],
      [
        ['Town hall', 7],
        ['x', 1234],
      ],
      false,
    ),
    ['name       users', 'Town hall      7', 'x           1234'].join('\n'),
  )
  t.equal(table(['a', 'b'], [], false), 'a  b')
  t.equal(table(['a'], [['x']], true), '\x1b[1ma\x1b[0m\nx')
  t.end()
})

t.test('an array of JSON in pieces', (t) => {
  t.equal([...jsonArray([])].join(''), '[]\n')
  const values = [{ a: 1 }, 'b', null]
  t.same(JSON.parse([...jsonArray(values)].join('')), values)
  t.end()
})

t.test('many rows', (t) => {
  // Symptom: RangeError. Root cause: Math.max() got an argument for each row.
  const rows = Array.from({ length: 300_000 }, (_, index) => [index])
  t.match(table(['n'], rows, false), /\n299999$/)
  t.end()
})

t.test('control characters in data do not reach the terminal', (t) => {
  t.equal(table(['name'], [['a\x1b[2Jb\r\nc\u009b\u202ed']], false), 'name\na\ufffd[2Jb\ufffd\ufffdc\ufffd\ufffdd')
  t.end()
})

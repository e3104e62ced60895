import t from 'tap'
import { table } from '../output.ts'

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

t.test('control characters in data do not reach the terminal', (t) => {
  t.equal(table(['name'], [['a\x1b[2Jb\r\nc\u009b\u202ed']], false), 'name\na\ufffd[2Jb\ufffd\ufffdc\ufffd\ufffdd')
  t.end()
})

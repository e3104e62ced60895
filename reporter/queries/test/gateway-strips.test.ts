import t from 'tap'
import { completeness } from '../gateway-strips.ts'

const strip = (...last: number[]) => [...new Array<number>(24 - last.length).fill(12), ...last]

t.test('an hour is full if it has the heartbeats that the interval promises', (t) => {
  t.same(completeness(strip(12, 6, 0, 12), 60, 1).slice(-4), [1, 0.5, 0, 1])
  t.same(completeness(strip(3, 2, 1, 3), 1200, 1).slice(-4), [1, 0.667, 0.333, 1], 'three in an hour')
  t.same(completeness(strip(1, 1, 0, 1), 5400, 1).slice(-4), [1, 1, 0, 1], 'less than one in an hour')
  t.same(completeness(undefined, 60, 0.5), new Array<number>(24).fill(0), 'none in a day')
  t.end()
})

t.test('the last hour is measured by the heartbeats that are due by now', (t) => {
  t.same(completeness(strip(12, 6), 60, 0.5).slice(-2), [1, 1])
  t.same(completeness(strip(2, 1), 1800, 0.7).slice(-2), [1, 1])
  t.same(completeness(strip(2, 0), 1800, 0.7).slice(-2), [1, 0])
  t.same(completeness(strip(2, 0), 1800, 0.1).slice(-2), [1, 1], 'nothing is due yet')
  t.same(completeness(strip(0, 0), 1800, 0.1).slice(-2), [0, 0])
  t.end()
})

t.test('a silent gateway is measured by its best hour', (t) => {
  const silent = [...new Array<number>(20).fill(2), 1, 0, 0, 0]
  t.same(completeness(silent, null, 0.5), [...new Array<number>(20).fill(1), 0.5, 0, 0, 0])
  t.end()
})

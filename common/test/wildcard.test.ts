import t from 'tap'
import { wildcard } from '../wildcard.ts'

t.test('names with wildcards', (t) => {
  for (const [pattern, text, expected] of [
    ['alice@example.org', 'Alice@Example.ORG', true],
    ['alice@example.org', 'alice@example.org.uk', false],
    ['*', '', true],
    ['*@example.org', 'bob@example.org', true],
    ['*@example.org', 'bob@example.com', false],
    ['room *', 'Room 12', true],
    ['a*b*c', 'axxbxxc', true],
    ['a*b*c', 'axxc', false],
    ['ab*ba', 'aba', false],
    ['*a*a*', 'a', false],
    ['.*', 'x', false],
  ] as const)
    t.equal(wildcard(pattern)(text), expected, `${pattern} ${text}`)
  t.end()
})

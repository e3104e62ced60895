import t from 'tap'
import { capitals, firstCodePoints, isShared, storedUserName } from '../user-name.ts'

t.test('a stored name is whole and in lower case by default, its realm included', (t) => {
  t.equal(storedUserName('Alice.Bobson@Example.ORG', 'lowercase'), 'alice.bobson@example.org')
  t.equal(storedUserName('ÉMILE', 'lowercase'), 'émile')
  t.equal(storedUserName('𐐀𐐁', 'lowercase'), '𐐨𐐩')
  t.equal(storedUserName('', 'lowercase'), '')
  t.equal(storedUserName('Alice@Example.ORG', 'as-sent'), 'Alice@Example.ORG')
  t.notOk(isShared('alicebob', 'lowercase'))
  t.end()
})

t.test('by the rule of GovWifi it is the first six code points, in capitals', (t) => {
  const stored = (name: string) => storedUserName(name, 'govwifi')
  t.equal(stored('alice'), 'ALICE')
  t.equal(stored('alicebob'), 'ALICEB')
  t.equal(stored('𐐨𐐩𐐪abcdef'), '𐐀𐐁𐐂ABC', 'not cut within a character')
  t.equal(stored('straße'), 'STRASSE', 'capitals may be more')
  t.equal(stored(''), '')
  t.equal(capitals('ﬀ'), 'FF')
  t.equal(firstCodePoints('a😀b', 2), 'a😀')
  t.ok(isShared('alicebob', 'govwifi'))
  t.notOk(isShared('alicia', 'govwifi'))
  t.end()
})

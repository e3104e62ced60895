import t from 'tap'
import { capitals, firstCodePoints, storedUserName } from '../user-name.ts'

t.test('a stored name is the first six code points, in capitals', (t) => {
  t.equal(storedUserName('alice'), 'ALICE')
  t.equal(storedUserName('alicebob'), 'ALICEB')
  t.equal(storedUserName('𐐨𐐩𐐪abcdef'), '𐐀𐐁𐐂ABC', 'not cut within a character')
  t.equal(storedUserName('straße'), 'STRASSE', 'capitals may be more')
  t.equal(storedUserName(''), '')
  t.equal(capitals('ﬀ'), 'FF')
  t.equal(firstCodePoints('a😀b', 2), 'a😀')
  t.end()
})

import t from 'tap'
import { parseLocations } from '../parse.ts'

function problems(text: string): string {
  try {
    parseLocations(text)
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    if (code === 'INPUT_INVALID') return message
    throw error
  }
  return ''
}

t.test('JSON', (t) => {
  t.same(parseLocations('[{"ip":"1.2.3.4","location_id":7,"name":"Town hall"},{"ip":"2001:DB8::1","location_id":0}]'), [
    { ip: '1.2.3.4', location_id: 7, name: 'Town hall' },
    { ip: '2001:db8::1', location_id: 0, name: '' },
  ])
  t.same(parseLocations('\ufeff [{"ip":"1.2.3.4","location_id":"7","name":null,"more":1}]'), [
    { ip: '1.2.3.4', location_id: 7, name: '' },
  ])
  t.end()
})

t.test('CSV', (t) => {
  t.same(parseLocations('ip,location_id\n1.2.3.4,7\n'), [{ ip: '1.2.3.4', location_id: 7, name: '' }])
  t.same(parseLocations('\ufeffName,Location_ID,IP\r\n"Hall, ""old""\nwing",7, 1.2.3.4\r\n\r\nÉcole,8,::1\r\n'), [
    { ip: '1.2.3.4', location_id: 7, name: 'Hall, "old"\nwing' },
    { ip: '::1', location_id: 8, name: 'École' },
  ])
  t.end()
})

t.test('every mistake is named with its line or element', (t) => {
  t.equal(
    problems('ip,location_id\n1.2.3.4,x\n1.2.3,7\n1.2.3.5,-1\n'),
    'line 2: location_id "x" is not a whole number from 0 to 9007199254740991\n' +
      'line 3: ip "1.2.3" is not an IPv4 or IPv6 address\n' +
      'line 4: location_id "-1" is not a whole number from 0 to 9007199254740991',
  )
  t.equal(
    problems('[{"ip":"1.2.3.4"},7,null,{"ip":["1.2.3.4"],"location_id":1},{"ip":"::","location_id":1.5}]'),
    'element 0: location_id (missing) is not a whole number from 0 to 9007199254740991\n' +
      'element 1: ip (missing) is not an IPv4 or IPv6 address\n' +
      'element 2: ip (missing) is not an IPv4 or IPv6 address\n' +
      'element 3: ip ["1.2.3.4"] is not an IPv4 or IPv6 address\n' +
      'element 4: ip "::" is not an IPv4 or IPv6 address',
  )
  t.match(problems('[{"ip":"1.2.3.4","location_id":9007199254740992}]'), 'element 0')
  t.match(problems('[{"ip":"1.2.3.4","location_id":1,"name":5}]'), 'element 0: name 5 is not text')
  t.match(problems('ip,location_id\n1.2.3.4,7,8\n'), 'line 2')
  t.match(problems('ip,location_id\n1.2.3.4,"7\n'), 'not CSV')
  t.match(problems('ip,location_id\n1.2.3.4,7\n1.2.3.5,1'), 'line 3: the last line has no line break')
  t.match(problems('[{"ip":"1.2.3.4","location_id":7},{"ip":"1.2'), /JSON/)
  t.end()
})

t.test('one address has one location', (t) => {
  t.equal(
    problems('ip,location_id\n1.2.3.4,7\n1.2.3.5,7\n::ffff:1.2.3.4,8\n'),
    'line 4: 1.2.3.4 has location 8 here and 7 at line 2',
  )
  t.equal(parseLocations('ip,location_id\n1.2.3.4,7\n1.2.3.4,7\n').length, 1, 'the same entry twice counts once')
  t.end()
})

t.test('a long list of mistakes is cut', (t) => {
  const lines = problems('ip,location_id\n' + 'x,1\n'.repeat(500)).split('\n')
  t.equal(lines.length, 11)
  t.equal(lines[10], 'and 490 more')
  t.end()
})

t.test('text that is neither JSON nor CSV', (t) => {
  t.match(problems(''), /neither|no location/)
  t.match(problems('<html>nothing here</html>'), 'neither a JSON array nor CSV')
  t.match(problems('{"ip":"1.2.3.4","location_id":7}'), /neither a JSON array nor CSV|not CSV/)
  t.match(problems('[{"ip"'), 'not a JSON array')
  t.equal(problems('[]'), 'there is no location in it')
  t.equal(problems('ip,location_id\n'), 'there is no location in it')
  t.end()
})

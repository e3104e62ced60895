import t from 'tap'
import { canonicalIp, isLoopback } from '../ip-address.ts'

t.test('every spelling of an address has one canonical text', (t) => {
  t.equal(canonicalIp('1.2.3.4'), '1.2.3.4')
  t.equal(canonicalIp('2001:0DB8:0:0:0:0:0:1'), '2001:db8::1')
  t.equal(canonicalIp('::FFFF:1.2.3.4'), '1.2.3.4')
  t.equal(canonicalIp('::ffff:0102:0304'), '1.2.3.4')
  t.equal(canonicalIp('::'), '::')
  for (const text of ['', '1.2.3', '01.2.3.4', '1.2.3.4/8', 'fe80::1%eth0', 'example.org', '[::1]']) {
    t.equal(canonicalIp(text), undefined, text)
  }
  t.end()
})

t.test('loopback', (t) => {
  for (const text of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1']) t.ok(isLoopback(text), text)
  for (const text of ['0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', '128.0.0.1']) t.notOk(isLoopback(text), text)
  t.end()
})

import t from 'tap'
import { addressGroup, canonicalIp, ipv6Groups, isLoopback } from '../ip-address.ts'

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

t.test('what counts as one address', (t) => {
  for (const [text, group] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:ffff:1:2:3', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['', ''],
  ]) {
    t.equal(addressGroup(text), group, text)
  }
  t.same(ipv6Groups('64:ff9b::192.0.2.1'), [0x64, 0xff9b, 0, 0, 0, 0, 0xc000, 0x201])
  t.end()
})

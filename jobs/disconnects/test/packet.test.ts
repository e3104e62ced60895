import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { NasClients, type NasClient } from '../nas-clients.ts'
import { disconnectRequest, isSendable, readAnswer } from '../packet.ts'

const SECRET = 'a secret of the test'
const request = disconnectRequest({ 'Acct-Session-Id': '5F3A-1' }, SECRET, 7, Date.now())

/** An answer as RFC 5176 says, made by other code than that which reads it. */
function answer(code: number, attributes: readonly number[], secret = SECRET, withProof = false): Buffer {
  const proof = withProof ? [80, 18, ...new Array<number>(16).fill(0)] : []
  const packet = Buffer.from([code, 7, 0, 0, ...request.subarray(4, 20), ...proof, ...attributes])
  packet.writeUInt16BE(packet.length, 2)
  if (withProof) createHmac('md5', secret).update(packet).digest().copy(packet, 22)
  createHash('md5').update(packet).update(secret).digest().copy(packet, 4)
  return packet
}

t.test('answers', (t) => {
  const cause = [101, 6, 0, 0, 1, 0xf7]
  t.same(readAnswer(answer(41, []), request, SECRET), { acknowledged: true, errorCause: null })
  t.same(readAnswer(answer(42, cause), request, SECRET), { acknowledged: false, errorCause: 503 })
  t.same(readAnswer(answer(42, cause, SECRET, true), request, SECRET), { acknowledged: false, errorCause: 503 })
  const padded = Buffer.concat([answer(41, []), Buffer.alloc(7)])
  t.same(readAnswer(padded, request, SECRET), { acknowledged: true, errorCause: null }, 'what follows is padding')
  for (const [what, packet] of Object.entries({
    'another secret': answer(41, [], 'another secret'),
    'another code': answer(45, []),
    'an attribute without a length': answer(42, [101, 0]),
    'half an attribute': answer(42, [101]),
    'an attribute beyond the end': answer(42, [101, 7, 0, 0, 1, 0xf7]),
    'a wrong proof': answer(41, [80, 18, ...new Array<number>(16).fill(9)]),
    'a short proof': answer(41, [80, 4, 1, 2]),
  }))
    t.equal(readAnswer(packet, request, SECRET), null, what)
  t.end()
})

t.test('no bytes of others are an answer, or an error', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => readAnswer(Buffer.from(bytes), request, SECRET) === null),
  )
  const right = answer(42, [101, 6, 0, 0, 1, 0xf7], SECRET, true)
  fc.assert(
    fc.property(fc.nat(right.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(right)
      changed[at] ^= change
      return readAnswer(changed, request, SECRET) === null
    }),
  )
  t.end()
})

t.test('what no attribute can hold is not sent', (t) => {
  t.equal(isSendable('Acct-Session-Id', ''), false)
  t.equal(isSendable('Acct-Session-Id', 'é'.repeat(127)), false)
  t.equal(isSendable('Acct-Session-Id', 'é'.repeat(126)), true)
  t.equal(isSendable('NAS-IP-Address', '2001:db8::1'), false)
  t.equal(isSendable('NAS-IPv6-Address', '2001:db8::1'), true)
  const packet = disconnectRequest({ 'NAS-IP-Address': 'x', 'NAS-IPv6-Address': '2001:db8::1' }, SECRET, 1, 0)
  t.match(packet.toString('hex'), '5f1220010db8000000000000000000000001')
  t.end()
})

t.test('the entry of a NAS is the first that fits', (t) => {
  const entry = (nas: string, secret: string, more: Partial<NasClient> = {}): NasClient => ({
    nas,
    address: '192.0.2.7',
    networks: [],
    port: 3799,
    secret,
    send: ['Acct-Session-Id'],
    ...more,
  })
  const clients = new NasClients([
    entry('lobby', 'exact'),
    entry('floor-*-north', 'middle'),
    entry('a*a', 'both ends'),
    entry('*x*y*', 'parts'),
    entry('ap-*', 'by source', { address: null, networks: ['10.0.0.0/8', '2001:db8::/32'] }),
  ])
  const secretOf = (nas: string, site = '') => clients.find(nas, site)?.listener.secret ?? null
  t.equal(secretOf('lobby'), 'exact')
  t.equal(secretOf('lobby-2'), null)
  t.equal(secretOf('floor-3-north'), 'middle')
  t.equal(secretOf('floor-north'), null, 'no part is used twice')
  t.equal(secretOf('a'), null)
  t.equal(secretOf('aa'), 'both ends')
  t.equal(secretOf('1x2y3'), 'parts')
  t.equal(secretOf('1y2x3'), null)
  t.equal(clients.find('ap-1', '10.1.2.3')?.listener.address, '10.1.2.3')
  t.equal(clients.find('ap-1', '2001:db8::5')?.listener.address, '2001:db8::5')
  t.equal(secretOf('ap-1', '192.0.2.7'), null)
  t.equal(secretOf('ap-1'), null)
  t.end()
})

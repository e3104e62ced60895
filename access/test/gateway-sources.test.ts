import t from 'tap'
import { MemoryAccess } from '../../test/helpers/memory-access.ts'
import { GatewaySources } from '../gateway-sources.ts'
import { SUBJECTS } from '../subjects.ts'

function register(access: MemoryAccess, gwId: string, sources: readonly string[]): Promise<void> {
  const data = { address: '', sources, name: '', location: '', routed: false }
  const entry = { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data } as const
  return access.put(SUBJECTS.registration.of(gwId), entry)
}

t.test('an address belongs to the gateway with the most specific source', async (t) => {
  const access = new MemoryAccess()
  await register(access, 'before', ['198.51.100.7'])
  const sources = new GatewaySources(access)
  t.same(sources.gatewayOf('198.51.100.7'), { name: 'before', isGateway: true })
  await register(access, 'hall', ['192.0.2.0/24', '2001:db8:1::/48'])
  await register(access, 'office', ['192.0.2.17', '2001:db8:1:5::/64'])
  for (const [address, gateway] of [
    ['192.0.2.16', { name: 'hall', isGateway: false }],
    ['192.0.2.17', { name: 'office', isGateway: true }],
    ['::ffff:192.0.2.17', { name: 'office', isGateway: true }],
    ['2001:db8:1:4::1', { name: 'hall', isGateway: false }],
    ['2001:db8:1:5::1', { name: 'office', isGateway: true }],
    ['192.0.3.1', null],
    ['2001:db8:2::1', null],
    ['', null],
  ] as const)
    t.same(sources.gatewayOf(address), gateway, address)
})

t.test('gateways that share a source count as one, and a registration can change', async (t) => {
  const access = new MemoryAccess()
  const sources = new GatewaySources(access)
  t.equal(sources.any, false)
  await register(access, 'a', ['10.0.0.0/8'])
  await register(access, 'b', ['10.0.0.0/8', 'nonsense', '10.0.0.0/99'])
  t.same(sources.gatewayOf('10.1.2.3'), { name: '10.0.0.0/8', isGateway: false })
  await register(access, 'a', ['192.0.2.1'])
  t.same(sources.gatewayOf('10.1.2.3'), { name: 'b', isGateway: false })
  await access.put(SUBJECTS.registration.of('b'), null)
  t.equal(sources.gatewayOf('10.1.2.3'), null)
  t.equal(sources.any, true)
  await register(access, 'a', [])
  t.equal(sources.any, false)
})

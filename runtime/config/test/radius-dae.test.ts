import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readRadiusDae } from '../radius-dae.ts'

const directory = t.testdir({ secret: 'out of a file\n', short: 'short' })
let files = 0

function read(entry: string) {
  const path = join(directory, `${files++}.yaml`)
  writeFileSync(path, `disconnect:\n  - {${entry}}\n`)
  return readRadiusDae(path)
}

t.test('entries', (t) => {
  t.same(readRadiusDae(undefined), [])
  t.same(read('nas: lobby, address: 192.0.2.7, secret: testing123'), [
    {
      nas: 'lobby',
      address: '192.0.2.7',
      networks: [],
      port: 3799,
      secret: 'testing123',
      send: ['NAS-Identifier', 'NAS-IP-Address', 'NAS-IPv6-Address', 'Acct-Session-Id'],
    },
  ])
  t.match(
    read('nas: "ap-*", networks: [10.0.0.0/8, "2001:DB8::/32"], port: 1700, secret_file: secret, send: [User-Name]'),
    [{ address: null, networks: ['10.0.0.0/8', '2001:db8::/32'], port: 1700, secret: 'out of a file', send: ['User-Name'] }], // prettier-ignore
  )
  t.end()
})

t.test('mistakes are reported with their place, and no secret', (t) => {
  const told = (entry: string, problem: RegExp) =>
    t.throws(() => read(entry), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`^GATEPOST_RADIUS_DAE=\\S+: disconnect\\.0\\.${problem.source}`),
    })
  const right = 'nas: a, secret: testing123'
  told(right, /address: one of address and networks/)
  told(`${right}, address: 192.0.2.7, networks: [10.0.0.0/8]`, /address: one of address and networks/)
  told(`${right}, address: nas.example.org`, /address: nas\.example\.org: allowed is an IPv4/)
  told(`${right}, networks: [10.0.0.0/99]`, /networks: 10\.0\.0\.0\/99: allowed are/)
  told(`${right}, address: 192.0.2.7, port: 0`, /port: /)
  told('nas: a, address: 192.0.2.7', /secret: one of secret and secret_file/)
  told('nas: a, address: 192.0.2.7, secret: hunter2', /secret: allowed are 8 to 128 characters$/)
  told('nas: a, address: 192.0.2.7, secret_file: short', /secret: allowed are 8 to 128 characters$/)
  told('nas: a, address: 192.0.2.7, secret_file: none', /secret_file: .*ENOENT/)
  told(`${right}, address: 192.0.2.7, send: [Class]`, /send\.0: /)
  told(`${right}, address: 192.0.2.7, send: [NAS-Identifier]`, /send: at least one attribute must name the session/)
  t.end()
})

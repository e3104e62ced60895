import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readLooks } from '../looks.ts'

const directory = t.testdir({ hotel: {} })
let files = 0

function read(text: string) {
  const path = join(directory, `${files++}.yaml`)
  writeFileSync(path, text)
  return readLooks(path, ['click', 'voucher'])
}

t.test('a look of some gateways', (t) => {
  t.same(readLooks(undefined, ['click']), [])
  t.same(
    read(`looks:
  - name: hotel
    gateways: 'hotel-*'
    directory: hotel
    texts: { brand: Hotel Post }
    colours: { accent: '#a31621', on-accent: '#fff' }
    dark: { accent: '#ffb3ba' }
    methods: [voucher]
    terms: hotel-2
  - { name: rest, gateways: '*' }
`),
    [
      {
        name: 'hotel',
        gateways: 'hotel-*',
        directory: join(directory, 'hotel'),
        texts: { brand: 'Hotel Post' },
        colours: { accent: '#a31621', 'on-accent': '#fff' },
        darkColours: { accent: '#ffb3ba' },
        methods: ['voucher'],
        termsVersion: 'hotel-2',
      },
      {
        name: 'rest',
        gateways: '*',
        directory: null,
        texts: {},
        colours: {},
        darkColours: {},
        methods: null,
        termsVersion: null,
      },
    ],
  )
  t.end()
})

t.test('mistakes are reported with their place', (t) => {
  const told = (entry: string, message: RegExp) =>
    t.throws(() => read(`looks: [{ ${entry} }]`), { code: 'CONFIG_INVALID', message })
  told('name: a', /^GATEPOST_PORTAL_LOOKS=\S+: looks\.0\.gateways: /)
  told('name: A, gateways: b', /looks\.0\.name: allowed are/)
  told('name: a, gateways: b, directory: nowhere', /looks\.0\.directory: \S+nowhere is not a directory/)
  told("name: a, gateways: b, colours: { accent: 'red; } body { x' }", /looks\.0\.colours\.accent: allowed is a colour/)
  told("name: a, gateways: b, colours: { border: '#fff' }", /looks\.0\.colours/)
  told(
    'name: a, gateways: b, methods: [webhook]',
    /looks\.0\.methods: webhook: allowed are those of GATEPOST_LOGIN=click,voucher/,
  )
  told('name: a, gateways: b, methods: []', /looks\.0\.methods: /)
  told('name: a, gateways: b, logo: x', /looks\.0: Unrecognized key/)
  told('name: a, gateways: b }, { name: a, gateways: c', /looks\.1\.name: a is used twice/)
  t.end()
})

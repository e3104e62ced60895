import t from 'tap'
import { shippedPackages } from '../lock-file.ts'

/* What an installation of Gatepost contains. */

/** Licences that let everybody use, change and pass on a package together with ours. */
const LICENSES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0', 'Zlib']

t.test('every package has a licence that may be passed on', (t) => {
  const packages = shippedPackages()
  t.ok(packages.length > 50)
  for (const { name, license } of packages)
    // An SPDX expression: all of them apply.
    t.ok(
      (license ?? '').split(' AND ').every((each) => LICENSES.includes(each)),
      `${name}: ${license}`,
    )
  t.end()
})

t.test('every package has a hash, but binaries for other systems', (t) => {
  const without = shippedPackages().filter(({ hasHash }) => !hasHash)
  for (const { name, optional } of without)
    t.ok(optional && /^@(uwsjs|chdb)\/.*(darwin|win32|arm)/.test(name), `${name} has no hash`)
  t.end()
})

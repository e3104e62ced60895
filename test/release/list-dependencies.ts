import { shippedPackages } from './lock-file.ts'

/* Prints what an installation contains and by which licence, and which packages the lock file has no hash of. `make audit` runs it. */

const packages = shippedPackages()
const byLicense = new Map<string, string[]>()
for (const { name, version, license = 'none stated' } of packages)
  byLicense.set(license, [...(byLicense.get(license) ?? []), `${name}@${version}`])
for (const [license, names] of byLicense) console.log(`${license}: ${names.join(', ')}`)

const withoutHash = packages.filter(({ hasHash }) => !hasHash)
console.log(`\nwithout a hash in package-lock.json: ${withoutHash.length === 0 ? 'none' : ''}`)
for (const { name, version } of withoutHash) console.log(`  ${name}@${version}`)

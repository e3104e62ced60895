import { readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'

/*
 * Symptom: with the shipped file nobody was let out after the login, DNS included. Root cause: it had no rule sets. Whatever WiFiDog is not told in its
 * own words it rejects.
 */

/** The words that WiFiDog 1.3.0 knows in its file (conf.c, keywords). */
const WORDS =
  `deltatraffic daemon debuglevel externalinterface gatewayid gatewayinterface gatewayaddress gatewayport authserver httpdmaxconn
  httpdname httpdrealm httpdusername httpdpassword clienttimeout checkinterval syslogfacility wdctlsocket hostname sslavailable sslport httpport
  path loginscriptpathfragment portalscriptpathfragment msgscriptpathfragment pingscriptpathfragment authscriptpathfragment firewallruleset
  firewallrule trustedmaclist popularservers htmlmessagefile proxyport sslpeerverification sslcertpath sslallowedcipherlist sslusesni`.split(
    /\s+/,
  )

const lines = readFileSync(packageFile('deploy/wifidog/wifidog.conf'), 'utf8')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && line !== '}' && !line.startsWith('#'))

t.test('every option is one that WiFiDog 1.3.0 reads', (t) => {
  for (const line of lines) t.ok(WORDS.includes(line.split(' ')[0].toLowerCase()), line)
  t.end()
})

t.test('all rule sets are there, and clients who are online are let out', (t) => {
  const sets = new Map<string, string[]>()
  let rules: string[] = []
  for (const line of lines) {
    const [, name] = /^FirewallRuleSet ([\w-]+) \{$/.exec(line) ?? []
    if (name !== undefined) sets.set(name, (rules = []))
    const [, rule] = /^FirewallRule (.*)$/.exec(line) ?? []
    if (rule !== undefined) rules.push(rule)
  }
  t.same([...sets.keys()].sort(), ['global', 'known-users', 'locked-users', 'unknown-users', 'validating-users'])
  for (const name of ['known-users', 'validating-users']) t.same(sets.get(name), ['allow to 0.0.0.0/0'], name)
  t.same(sets.get('unknown-users')?.slice(0, 2), ['allow udp port 53', 'allow tcp port 53'], 'names before the login')
  for (const rule of [...sets.values()].flat())
    t.match(rule, /^(allow|block|drop|log|ulog)( (tcp|udp|icmp))?( port [0-9:]+)?( to \S+)?$/, rule)
  t.end()
})

t.test('its server is a gateway listener', (t) => {
  t.match(lines, [
    'GatewayID hall-1',
    /^GatewayInterface /,
    'AuthServer {',
    /^Hostname /,
    'HTTPPort 8000',
    'Path /wifidog/',
  ])
  t.end()
})

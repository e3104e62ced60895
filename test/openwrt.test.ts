import { readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'

/*
 * There is no OpenWrt here: each option is compared with those that the package's own service reads, and the paths with the routes of the
 * gateway listener.
 */

interface Section {
  readonly type: string
  readonly options: ReadonlyMap<string, string>
}

/** The sections of a uci file, with those that are commented out as examples. */
function sectionsOf(file: string): Section[] {
  const sections: { type: string; options: Map<string, string> }[] = []
  for (const raw of readFileSync(packageFile(`deploy/openwrt/${file}`), 'utf8').split('\n')) {
    const line = raw.replace(/^(\s*)#(?=\s*(config|option|list) )/, '$1').trim()
    if (line === '' || line.startsWith('#')) continue
    const [, type] = /^config (\w+)(?: '\w+')?$/.exec(line) ?? []
    const [, name = '', value = ''] = /^(?:option|list) (\w+) '([^']*)'$/.exec(line) ?? []
    if (type !== undefined) sections.push({ type, options: new Map() })
    else if (name === '') t.fail(`${file}: ${line}`)
    else sections.at(-1)?.options.set(name, value)
  }
  return sections
}

/** Options by section, from net/apfree-wifidog/files/wifidogx.init of OpenWrt's package feed (uci_validate_section, handle_gateway). */
const APFREE: Readonly<Record<string, readonly string[]>> = {
  wifidogx:
    `enabled auth_server_mode log_level device_id auth_server_hostname auth_server_port auth_server_path check_interval client_timeout
    wired_passed apple_cna trusted_domains trusted_wildcard_domains trusted_macs app_white_list mac_white_list wildcard_white_list
    enable_dns_forward long_conn_mode ws_server_hostname ws_server_port ws_server_path mqtt_server_hostname mqtt_server_port mqtt_username
    mqtt_password js_filter auth_server_offline_file local_portal external_interface`.split(/\s+/),
  gateway: ['gateway_name', 'gateway_channel', 'gateway_id'],
}

const SERVER = 'host port ssl path login_path portal_path msg_path ping_path auth_path'.split(' ')

/** From files/wifidog-ng.config, files/wifidog-ng.init and files/wifidog-ng/config.lua of zhaojh329/wifidog-ng. */
const WIFIDOG_NG_2: Readonly<Record<string, readonly string[]>> = {
  gateway:
    'enabled interface port ssl_port dhcp_host_white checkinterval client_timeout temppass_time id address'.split(' '),
  server: SERVER,
  validated_domain: ['domain'],
}

/** From src/config.c of its tag v1.5.6, which has no sample. */
const WIFIDOG_NG_1_5: Readonly<Record<string, readonly string[]>> = {
  gateway: 'enabled ifname address id ssid port ssl_port checkinterval client_timeout temppass_time'.split(' '),
  authserver: SERVER,
  popularserver: ['server'],
  whitelist_domain: ['domain'],
}

t.test('every option is one that the service reads', (t) => {
  for (const [file, known] of [
    ['wifidogx', APFREE],
    ['wifidog-ng', WIFIDOG_NG_2],
    ['wifidog-ng-1.5', WIFIDOG_NG_1_5],
  ] as const) {
    const sections = sectionsOf(file)
    t.ok(sections.length >= 2)
    for (const { type, options } of sections) {
      t.ok(type in known, `${file}: ${type}`)
      for (const name of options.keys()) t.ok(known[type].includes(name), `${file}: ${type}.${name}`)
    }
  }
  t.end()
})

t.test('they lead to the routes of the gateway listener', (t) => {
  const [common] = sectionsOf('wifidogx')
  t.equal(common.options.get('auth_server_path'), '/')
  t.equal(common.options.get('auth_server_port'), '8000')
  t.ok(['cloud', 'local'].includes(common.options.get('auth_server_mode') ?? ''))
  t.ok(['ws', 'wss', 'mqtt', 'none'].includes(common.options.get('long_conn_mode') ?? ''))
  for (const [file, section] of [
    ['wifidog-ng', 'server'],
    ['wifidog-ng-1.5', 'authserver'],
  ]) {
    const server = sectionsOf(file).find(({ type }) => type === section)
    const paths = ['login', 'portal', 'msg', 'ping', 'auth'].map((name) => server?.options.get(`${name}_path`))
    t.same(paths, ['login', 'portal', 'gw_message.php', 'ping', 'auth'])
    t.equal(server?.options.get('path'), '/')
    t.equal(server?.options.get('port'), '8000')
  }
  t.end()
})

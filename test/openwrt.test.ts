import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../common/package-root.ts'

/*
 * There is no OpenWrt here: each option is compared with those that the package's own service reads, and the paths with the routes of the
 * gateway listener.
 */

interface Section {
  readonly type: string
  readonly options: ReadonlyMap<string, string>
  /** Names of the options that are lists. */
  readonly lists: ReadonlySet<string>
}

/** The sections of a uci file, with those that are commented out as examples. */
function sectionsOf(file: string): Section[] {
  const sections: { type: string; options: Map<string, string>; lists: Set<string> }[] = []
  for (const raw of readFileSync(packageFile(`deploy/openwrt/${file}`), 'utf8').split('\n')) {
    const line = raw.replace(/^(\s*)#(?=\s*(config|option|list) )/, '$1').trim()
    if (line === '' || line.startsWith('#')) continue
    const [, type] = /^config (\w+)(?: '\w+')?$/.exec(line) ?? []
    const [, how, name = '', value = ''] = /^(option|list) (\w+) '([^']*)'$/.exec(line) ?? []
    if (type !== undefined) sections.push({ type, options: new Map(), lists: new Set() })
    else if (name === '') t.fail(`${file}: ${line}`)
    else {
      sections.at(-1)?.options.set(name, value)
      if (how === 'list') sections.at(-1)?.lists.add(name)
    }
  }
  return sections
}

/** `name:kind` of each option of a section; without a kind it is any text. */
type Sections = Readonly<Record<string, string>>

/** From net/apfree-wifidog/files/wifidogx.init of OpenWrt's package feed (uci_validate_section, handle_gateway), which names the kinds. */
const APFREE: Sections = {
  wifidogx: `enabled:bool auth_server_mode log_level:number device_id auth_server_hostname auth_server_port:port auth_server_path
    check_interval:number client_timeout:number wired_passed:bool apple_cna:bool trusted_domains:list trusted_wildcard_domains:list
    trusted_macs:list app_white_list:list mac_white_list:list wildcard_white_list:list enable_dns_forward:bool long_conn_mode
    ws_server_hostname ws_server_port:port ws_server_path mqtt_server_hostname mqtt_server_port:port mqtt_username mqtt_password
    js_filter:bool auth_server_offline_file local_portal external_interface`,
  gateway: 'gateway_name gateway_channel gateway_id',
}

const SERVER = 'host port:port ssl:bool path login_path portal_path msg_path ping_path auth_path'

/** From files/wifidog-ng.config, files/wifidog-ng.init and files/wifidog-ng/config.lua of zhaojh329/wifidog-ng. */
const WIFIDOG_NG_2: Sections = {
  gateway: `enabled:bool interface port:port ssl_port:port dhcp_host_white:bool checkinterval:number client_timeout:number
    temppass_time:number id address`,
  server: SERVER,
  validated_domain: 'domain',
}

/** From src/config.c of its tag v1.5.6, which has no sample but names the kinds. */
const WIFIDOG_NG_1_5: Sections = {
  gateway: `enabled:bool ifname address id ssid port:port ssl_port:port checkinterval:number client_timeout:number
    temppass_time:number`,
  authserver: SERVER,
  popularserver: 'server:list',
  whitelist_domain: 'domain',
}

const KINDS: Readonly<Record<string, RegExp>> = {
  bool: /^[01]$/,
  number: /^[1-9]\d*$/,
  port: /^[1-9]\d{0,4}$/,
  list: /^[^,\s]+$/,
  text: /^\S+$/,
}

const FILES = { wifidogx: APFREE, 'wifidog-ng': WIFIDOG_NG_2, 'wifidog-ng-1.5': WIFIDOG_NG_1_5 }

t.test('every option is one that the service reads, and of the kind that it reads', (t) => {
  for (const [file, known] of Object.entries<Sections>(FILES)) {
    const sections = sectionsOf(file)
    t.ok(sections.length >= 2)
    for (const { type, options, lists } of sections) {
      const words = (known[type] ?? '').split(/\s+/).map((word) => word.split(':'))
      const kinds = new Map(words.map(([name, kind = 'text']) => [name, kind]))
      t.ok(type in known, `${file}: ${type}`)
      for (const [name, value] of options) {
        const kind = kinds.get(name) ?? ''
        t.ok(kind in KINDS, `${file}: ${type}.${name}`)
        t.match(value, KINDS[kind] ?? /^/, `${file}: ${type}.${name}`)
        t.equal(lists.has(name), kind === 'list', `${file}: ${type}.${name} is a list`)
      }
    }
  }
  t.end()
})

t.test('they are the files that there are', (t) => {
  const files = readdirSync(packageFile('deploy/openwrt')).filter((name) => name !== 'README.md')
  t.same(files.sort(), Object.keys(FILES).sort())
  t.end()
})

t.test('they lead to the routes of the gateway listener', (t) => {
  const [common, gateway] = sectionsOf('wifidogx')
  t.ok(
    gateway.options.has('gateway_name') && gateway.options.has('gateway_channel'),
    'without them the gateway is left out',
  )
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
